//! The users of the org. The sign-in page shows their password and code, because anyone may sign in
//! at a stand-in.

use serde_json::{Map, Value, json};

/// The password of every user.
pub const USER_PASSWORD: &str = "demo-password";

/// The code that the second factor of a user shows.
pub const USER_CODE: &str = "123456";

/// A user of the org.
#[derive(Debug)]
pub struct User {
    /// The login name, which is also the e-mail address. It is `sub` of access tokens.
    pub login: &'static str,
    /// The ID of the user. It is `uid` of access tokens and `sub` of ID tokens.
    pub id: &'static str,
    /// The given name.
    pub given_name: &'static str,
    /// The family name.
    pub family_name: &'static str,
    /// The groups, which are the claim `groups` of access tokens.
    pub groups: &'static [&'static str],
    /// Whether the user has enrolled a second factor.
    pub second_factor: bool,
}

/// All users.
pub static USERS: [User; 3] = [
    User {
        login: "joe.user@example.com",
        id: "00ujmkLgagxeRrAg20g3",
        given_name: "Joe",
        family_name: "User",
        groups: &["Everyone", "IT"],
        second_factor: true,
    },
    User {
        login: "ada.admin@example.com",
        id: "00uada7Kq3nBvTz5W0g7",
        given_name: "Ada",
        family_name: "Admin",
        groups: &["Everyone", "Admins"],
        second_factor: true,
    },
    User {
        login: "guy.guest@example.com",
        id: "00uguy2Rm8cXpLd4Y0g7",
        given_name: "Guy",
        family_name: "Guest",
        groups: &["Everyone"],
        second_factor: false,
    },
];

impl User {
    /// Returns the user with this login name. Okta ignores its case.
    pub(crate) fn with_login(login: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// Returns the user with this ID.
    pub(crate) fn with_id(id: &str) -> Option<&'static Self> {
        USERS.iter().find(|user| user.id == id)
    }

    /// Returns the full name.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Returns the claims that these scopes permit, as in the response of the userinfo endpoint.
    pub(crate) fn claims(&self, scopes: &[&str]) -> Map<String, Value> {
        let mut claims = Map::new();
        if scopes.contains(&"profile") {
            claims.insert("name".to_owned(), json!(self.name()));
            claims.insert("given_name".to_owned(), json!(self.given_name));
            claims.insert("family_name".to_owned(), json!(self.family_name));
            claims.insert("preferred_username".to_owned(), json!(self.login));
            claims.insert("locale".to_owned(), json!("en_US"));
            claims.insert("zoneinfo".to_owned(), json!("America/Los_Angeles"));
        }
        if scopes.contains(&"email") {
            claims.insert("email".to_owned(), json!(self.login));
            claims.insert("email_verified".to_owned(), json!(true));
        }
        claims
    }
}
