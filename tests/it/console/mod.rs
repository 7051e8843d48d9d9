//! The documentation of the API.

mod docs_page;
