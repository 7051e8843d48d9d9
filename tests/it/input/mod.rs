//! What clients send that they should not: each has its 4xx with an `id`, and none is a 5xx.

mod tokens;
