//! Names of files, made from URLs.
