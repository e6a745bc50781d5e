//! Basic authentication (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::url::UserInfo;

/// The value of `Authorization` for a user and a password, marked as a secret.
pub(crate) fn header(user: &UserInfo) -> HeaderValue {
    let secret = STANDARD.encode(format!("{}:{}", user.user, user.password));
    let mut value =
        HeaderValue::try_from(format!("Basic {secret}")).expect("base64 is a valid header value");
    value.set_sensitive(true);
    value
}

/// The user and the password in a value of `Authorization`; `None` if it has none.
pub(crate) fn user_info(value: &HeaderValue) -> Option<UserInfo> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(secret.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(UserInfo {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}
