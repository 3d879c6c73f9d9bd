//! stub
mod layout;
