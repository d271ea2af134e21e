//! Who is signed in, and how far the event stream was read.

use super::{Me, Store, id, of_word, word};
use crate::net::Endpoint;
use crate::view::{Account, Problem};
use snug_protocol::account::{SpaceRole, User};
use sqlx::Row;

/// Where the token and the device's key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretPlace {
    /// The system's keyring.
    System,
    /// The 0600 file.
    File,
}

/// The account as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptAccount {
    pub view: Account,
    pub endpoint: Endpoint,
    pub secrets: SecretPlace,
    pub cursor: String,
    pub synced: bool,
}

impl KeptAccount {
    pub(crate) fn me(&self) -> Me {
        Me { user: self.view.user, device: self.view.device }
    }
}

impl Store {
    /// The account, if somebody is signed in.
    pub(crate) async fn account(&self) -> Result<Option<KeptAccount>, Problem> {
        let Some(row) = sqlx::query("SELECT * FROM account").fetch_optional(&self.read).await? else {
            return Ok(None);
        };
        let addresses: String = row.try_get("addresses")?;
        let pin: Option<Vec<u8>> = row.try_get("pin")?;
        let pin = match pin {
            Some(bytes) => Some(bytes.try_into().map_err(|_| super::damaged("the pin"))?),
            None => None,
        };
        Ok(Some(KeptAccount {
            view: Account {
                user: id(row.try_get("account")?)?,
                device: id(row.try_get("device")?)?,
                username: row.try_get("username")?,
                display_name: row.try_get("display_name")?,
                role: of_word(row.try_get("role")?)?,
                space_name: row.try_get("space_name")?,
                address: row.try_get("address")?,
                hosted_here: row.try_get("hosted_here")?,
            },
            endpoint: Endpoint {
                addresses: serde_json::from_str(&addresses).map_err(|_| super::damaged("the addresses"))?,
                pin,
            },
            secrets: of_word(row.try_get("secrets")?)?,
            cursor: row.try_get("cursor")?,
            synced: row.try_get("synced")?,
        }))
    }

    /// Keeps a new sign-in, instead of the one before.
    pub(crate) async fn keep_account(&self, kept: &KeptAccount) -> Result<(), Problem> {
        let KeptAccount { view, endpoint, secrets, cursor, synced } = kept;
        sqlx::query(
            "INSERT OR REPLACE INTO account (one, account, device, username, display_name, role, space_name, addresses, address, pin,
                                             secrets, hosted_here, cursor, synced)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(view.user.to_string())
        .bind(view.device.to_string())
        .bind(&view.username)
        .bind(&view.display_name)
        .bind(word(&view.role))
        .bind(&view.space_name)
        .bind(addresses(&endpoint.addresses))
        .bind(&view.address)
        .bind(endpoint.pin.map(|pin| pin.to_vec()))
        .bind(word(secrets))
        .bind(view.hosted_here)
        .bind(cursor)
        .bind(synced)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The space can be reached elsewhere now.
    pub(crate) async fn keep_addresses(&self, list: &[String]) -> Result<(), Problem> {
        sqlx::query("UPDATE account SET addresses = ?").bind(addresses(list)).execute(&self.write).await?;
        Ok(())
    }

    /// The address that was reached.
    pub(crate) async fn keep_address(&self, address: &str) -> Result<(), Problem> {
        sqlx::query("UPDATE account SET address = ?").bind(address).execute(&self.write).await?;
        Ok(())
    }

    /// The user trusts another key.
    pub(crate) async fn keep_pin(&self, pin: [u8; 32]) -> Result<(), Problem> {
        sqlx::query("UPDATE account SET pin = ?").bind(pin.to_vec()).execute(&self.write).await?;
        Ok(())
    }

    /// The space's name and the reader's own profile, as the server says.
    pub(crate) async fn keep_profile(&self, user: &User, space_name: Option<&str>) -> Result<(), Problem> {
        let User { display_name, role, .. } = user;
        sqlx::query("UPDATE account SET display_name = ?, role = ?, space_name = COALESCE(?, space_name)")
            .bind(display_name)
            .bind(word::<SpaceRole>(role))
            .bind(space_name)
            .execute(&self.write)
            .await?;
        Ok(())
    }
}

fn addresses(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}
