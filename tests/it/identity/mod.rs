//! Who is calling: browsers' sessions.

mod sessions;
