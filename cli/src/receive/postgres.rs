//! PostgreSQL: several receivers share one database.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use okta_authz_filter::time::UnixTime;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::denylist::{MAX_BYTES, Served, entry_bytes};
use super::entry::{Key, Member, Times};
use super::store::{Change, Recorded};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS okta_authz_entries (
        member text NOT NULL,
        value text NOT NULL,
        issuer text NOT NULL,
        authenticated_before bigint NOT NULL,
        until bigint NOT NULL,
        PRIMARY KEY (member, value, issuer)
    );
    CREATE TABLE IF NOT EXISTS okta_authz_events (
        event bytea PRIMARY KEY,
        remember_until bigint NOT NULL
    );
    CREATE INDEX IF NOT EXISTS okta_authz_events_until ON okta_authz_events (remember_until);
";
/// The advisory lock of the transactions that change the tables. It makes the check of the limits
/// exact, and two receivers can create the tables at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8935)";
/// The time for which a receiver serves the list without a query.
const MAX_AGE: Duration = Duration::from_secs(1);
/// The time limit for a connection from the pool, and for each statement.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CONNECTIONS: usize = 8;

/// The database.
pub(super) struct Postgres {
    pool: Pool,
    max_entries: usize,
    /// The list that was read last, and the time.
    cached: Mutex<Option<(UnixTime, Arc<Served>)>>,
}

impl Postgres {
    /// Connects, and creates missing tables. A connection uses TLS unless the URL has
    /// `sslmode=disable`.
    pub(super) async fn open(url: &str, ca: Option<&Path>, max_entries: usize) -> Result<Self, String> {
        // The error could quote the URL, which may have a password.
        let mut config: Config =
            url.parse().map_err(|_| "storage.postgres.url: is not a connection string".to_owned())?;
        config.connect_timeout(TIMEOUT).options("-c statement_timeout=5000 -c synchronous_commit=on");
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, NoTls, manager_config)
        } else {
            config.ssl_mode(SslMode::Require);
            Manager::from_config(config, MakeRustlsConnect::new(tls(ca)?), manager_config)
        };
        let pool = Pool::builder(manager)
            .max_size(MAX_CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(TIMEOUT))
            .create_timeout(Some(TIMEOUT))
            .build()
            .map_err(|error| format!("storage.postgres: {error}"))?;
        let store = Self { pool, max_entries, cached: Mutex::default() };
        store.create_tables().await.map_err(|problem| format!("storage.postgres: {problem}"))?;
        Ok(store)
    }

    async fn connection(&self) -> Result<Object, String> {
        self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => describe(&error),
            other => other.to_string(),
        })
    }

    async fn create_tables(&self) -> Result<(), String> {
        let mut connection = self.connection().await?;
        let create = async {
            let transaction = connection.transaction().await?;
            transaction.execute(LOCK, &[]).await?;
            transaction.batch_execute(SCHEMA).await?;
            transaction.commit().await
        };
        create.await.map_err(|error| describe(&error))
    }

    pub(super) async fn record(&self, change: Change, now: UnixTime) -> Result<Recorded, String> {
        let mut connection = self.connection().await?;
        let recorded = self.record_in(&mut connection, &change, now.seconds()).await;
        if recorded.as_ref().is_ok_and(|recorded| *recorded == Recorded::New) {
            *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        recorded.map_err(|error| describe(&error))
    }

    async fn record_in(
        &self,
        connection: &mut Object,
        change: &Change,
        now: i64,
    ) -> Result<Recorded, tokio_postgres::Error> {
        let transaction = connection.transaction().await?;
        transaction.execute(LOCK, &[]).await?;
        let inserted = transaction
            .execute(
                "INSERT INTO okta_authz_events VALUES ($1, $2) ON CONFLICT (event) DO UPDATE
                 SET remember_until = $2 WHERE okta_authz_events.remember_until <= $3",
                &[&&change.event[..], &change.remember_until, &now],
            )
            .await?;
        if inserted == 0 {
            // The dropped transaction is rolled back.
            return Ok(Recorded::Seen);
        }
        for key in &change.keys {
            let Times { authenticated_before, until } = change.times;
            transaction
                .execute(
                    "INSERT INTO okta_authz_entries AS e VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (member, value, issuer) DO UPDATE SET
                     authenticated_before = GREATEST(e.authenticated_before, $4), until = GREATEST(e.until, $5)",
                    &[&key.member.name(), &key.value, &key.issuer, &authenticated_before, &until],
                )
                .await?;
        }
        let entries = entries(transaction.query(ENTRIES, &[&0_i64]).await?);
        let bytes = entries.keys().map(entry_bytes).fold(32, usize::saturating_add);
        if entries.len() > self.max_entries || bytes > MAX_BYTES {
            return Ok(Recorded::Full);
        }
        transaction.commit().await?;
        Ok(Recorded::New)
    }

    pub(super) async fn denylist(&self, now: UnixTime) -> Result<Arc<Served>, String> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, served)) = cached
            && now.saturating_duration_since(at) < MAX_AGE
            && at <= now
            && now.seconds() < served.ends_at
        {
            return Ok(served);
        }
        let connection = self.connection().await?;
        let rows = connection.query(ENTRIES, &[&now.seconds()]).await.map_err(|error| describe(&error))?;
        let served = Arc::new(Served::new(&entries(rows), now.seconds()));
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&served)));
        Ok(served)
    }

    pub(super) async fn expire(&self, now: UnixTime) -> Result<(), String> {
        let connection = self.connection().await?;
        for statement in [
            "DELETE FROM okta_authz_events WHERE remember_until <= $1",
            "DELETE FROM okta_authz_entries WHERE until <= $1",
        ] {
            connection.execute(statement, &[&now.seconds()]).await.map_err(|error| describe(&error))?;
        }
        Ok(())
    }
}

const ENTRIES: &str =
    "SELECT member, value, issuer, authenticated_before, until FROM okta_authz_entries WHERE until > $1";

fn entries(rows: Vec<tokio_postgres::Row>) -> BTreeMap<Key, Times> {
    let entry = |row: &tokio_postgres::Row| {
        let member = Member::from_name(row.try_get(0).ok()?)?;
        let key = Key { member, value: row.try_get(1).ok()?, issuer: row.try_get(2).ok()? };
        Some((key, Times { authenticated_before: row.try_get(3).ok()?, until: row.try_get(4).ok()? }))
    };
    rows.iter().filter_map(entry).collect()
}

/// Returns the error without the values of a row: PostgreSQL's message has none, its detail may.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{}: {}", error.code().code(), error.message()),
        None => std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
    }
}

/// Returns a TLS configuration that trusts Mozilla's certificate authorities, or those of a PEM
/// file.
fn tls(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let problem = |error: &dyn std::fmt::Display| {
                format!("storage.postgres.ca: cannot be read: {}: {error}", file.display())
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| problem(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| problem(&error))?;
                roots.add(certificate).map_err(|error| problem(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("storage.postgres: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
