//! The forms of the sign-in page. `maud` escapes every value.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::responses::page;
use super::users::{USER_CODE, USER_PASSWORD, USERS, User};

/// Returns the form for login name and password.
pub(crate) fn password(
    status: StatusCode,
    transaction: &str,
    redirect_uri: &str,
    login: &str,
    error: Option<&str>,
) -> Response {
    let content = html! {
        (alert(error))
        form method="post" action="/signin" {
            input type="hidden" name="stateToken" value=(transaction);
            label for="username" { "Username" }
            input #username name="username" type="text" autocomplete="username" autocapitalize="none"
                spellcheck="false" required autofocus[login.is_empty()] value=(login);
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required
                autofocus[!login.is_empty()];
            button type="submit" { "Sign in" }
        }
        aside {
            "This is a stand-in for tests. Its users are:"
            ul {
                @for user in &USERS {
                    li { code { (user.login) } ", groups " (user.groups.join(", ")) }
                }
            }
            "The password of each user is " code { (USER_PASSWORD) } "."
        }
    };
    page(status, "Sign in", Some(redirect_uri), &content)
}

/// Returns the form for the code of the second factor.
pub(crate) fn code(
    status: StatusCode,
    transaction: &str,
    redirect_uri: &str,
    user: &User,
    error: Option<&str>,
) -> Response {
    let content = html! {
        (alert(error))
        p { "The application requires a second factor of " strong { (user.login) } "." }
        form method="post" action="/signin" {
            input type="hidden" name="stateToken" value=(transaction);
            label for="code" { "Code" }
            input #code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required autofocus;
            button type="submit" { "Verify" }
        }
        aside { "This is a stand-in for tests. The code of each user is " code { (USER_CODE) } "." }
    };
    page(status, "Verify with a code", Some(redirect_uri), &content)
}

fn alert(error: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error {
            p role="alert" { (error) }
        }
    }
}
