//! Transaction ids: what makes a repeated request harmless. The answer is written in the same transaction as what it answers, so
//! either both are there or neither.

use crate::{
    failure::{Result, refusal},
    log::Append,
    secret,
};
use anyhow::Context;
use serde::{Serialize, de::DeserializeOwned};
use snug_protocol::{DeviceId, ErrorCode, TxnId};

/// One request under a transaction id.
pub(crate) struct Transaction {
    device: DeviceId,
    txn: TxnId,
    body_hash: Vec<u8>,
}

impl Transaction {
    /// A request of `device`: `place` is where it goes, so that the same body elsewhere is another request.
    pub(crate) fn new<T: Serialize>(device: DeviceId, txn: TxnId, place: &str, body: &T) -> Self {
        let body = serde_json::to_vec(&(place, body)).expect("a request was JSON and is again");
        Self { device, txn, body_hash: secret::hash(&body) }
    }

    /// The first answer, if this is a repeat; refuses the same id with another body.
    pub(crate) async fn answered<A: DeserializeOwned>(&self, log: &mut Append) -> Result<Option<A>> {
        let row: Option<(Vec<u8>, String)> =
            sqlx::query_as("SELECT body_hash, answer FROM transactions WHERE device = ? AND txn = ?")
                .bind(self.device.to_string())
                .bind(self.txn.to_string())
                .fetch_optional(&mut log.conn)
                .await?;
        let Some((hash, answer)) = row else { return Ok(None) };
        if hash != self.body_hash {
            return Err(refusal(ErrorCode::TxnConflict, "this transaction id was used for something else"));
        }
        Ok(Some(serde_json::from_str(&answer).context("a stored answer")?))
    }

    /// Stores the first answer.
    pub(crate) async fn answer<A: Serialize>(self, log: &mut Append, answer: &A) -> Result<()> {
        let answer = serde_json::to_string(answer).context("an answer")?;
        sqlx::query("INSERT INTO transactions (device, txn, body_hash, answer) VALUES (?, ?, ?, ?)")
            .bind(self.device.to_string())
            .bind(self.txn.to_string())
            .bind(self.body_hash)
            .bind(answer)
            .execute(&mut log.conn)
            .await?;
        Ok(())
    }
}
