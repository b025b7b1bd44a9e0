//! How a user has authenticated, and what a request demands.

use super::request::{AuthorizationRequest, Prompt};
use super::users::User;

/// An authentication of a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authentication {
    /// The user.
    pub user: &'static User,
    /// The time of the last step in Unix seconds: `auth_time`.
    pub at: i64,
    /// Whether the user entered a code after the password.
    pub second_factor: bool,
}

impl Authentication {
    /// Returns the methods for the claim `amr` (RFC 8176).
    pub(crate) const fn methods(&self) -> &'static [&'static str] {
        if self.second_factor { &["mfa", "otp", "pwd"] } else { &["pwd"] }
    }
}

/// An authentication context class that Okta supports. Okta ignores other values of `acr_values`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acr {
    /// The value of `acr_values`, which `acr` repeats.
    pub value: &'static str,
    demand: Demand,
}

#[derive(Clone, Copy, Debug)]
enum Demand {
    OneFactor,
    TwoFactors,
    TwoFactorsIfEnrolled,
    /// A passkey or a hardware key. The users have none.
    Phishingproof,
}

impl Acr {
    /// Returns the first supported class of a list that is separated by spaces.
    pub(crate) fn of(values: &str) -> Option<Self> {
        values.split_ascii_whitespace().find_map(|value| ALL.into_iter().find(|acr| acr.value == value))
    }
}

const ALL: [Acr; 6] = [
    Acr { value: "urn:okta:loa:1fa:any", demand: Demand::OneFactor },
    Acr { value: "urn:okta:loa:1fa:pwd", demand: Demand::OneFactor },
    Acr { value: "urn:okta:loa:2fa:any", demand: Demand::TwoFactors },
    Acr { value: "urn:okta:loa:2fa:any:ifpossible", demand: Demand::TwoFactorsIfEnrolled },
    Acr { value: "phr", demand: Demand::Phishingproof },
    Acr { value: "phrh", demand: Demand::Phishingproof },
];

/// What the user has to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Enter login name and password.
    Password,
    /// Enter the code of the second factor.
    Code,
    /// Nothing: the authentication meets the request.
    Done,
    /// Nothing can meet the request.
    Unmet,
}

impl AuthorizationRequest {
    /// Returns the next step of a user with this authentication. `fresh` means that the user
    /// entered the password for this request, so it is recent enough.
    pub(crate) fn next_step(&self, known: Option<&Authentication>, fresh: bool, now: i64) -> Step {
        let Some(known) = known else { return Step::Password };
        // With 0 Okta requires a new authentication even within the second of the last one.
        let old = self.max_age.is_some_and(|max_age| max_age == 0 || now.saturating_sub(known.at) > max_age);
        if !fresh && (old || self.prompt == Prompt::Login) {
            return Step::Password;
        }
        match self.acr.map(|acr| acr.demand) {
            Some(Demand::Phishingproof) => Step::Unmet,
            Some(Demand::TwoFactors | Demand::TwoFactorsIfEnrolled) if known.second_factor => Step::Done,
            Some(Demand::TwoFactors) if !known.user.second_factor => Step::Unmet,
            Some(Demand::TwoFactorsIfEnrolled) if !known.user.second_factor => Step::Done,
            Some(Demand::TwoFactors | Demand::TwoFactorsIfEnrolled) => Step::Code,
            Some(Demand::OneFactor) | None => Step::Done,
        }
    }
}
