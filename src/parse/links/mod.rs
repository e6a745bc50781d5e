//! stub
/// stub
pub fn title(_html: &[u8], _decoder: &dyn Fn(&[u8]) -> String) -> Option<String> { None }
