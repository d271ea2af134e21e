//! A space for the peers: the real server, in a process of its own.

use super::messages::{Happening, Line, Numbered, Order};
use super::tell;
use anyhow::{Context, Result};
use snug_server::{Server, ServerConfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Where a space lives.
#[derive(Clone, Debug)]
pub struct SpaceOptions {
    /// Its data; one that exists is gone on with.
    pub data: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// Serves until told to leave, or until nobody gives orders any more.
pub async fn serve(options: SpaceOptions) -> Result<()> {
    let server = Server::start(ServerConfig::new(options.data, options.listen)).await?;
    tell(&Line::Happened(Happening::Serving {
        link: server.link().to_string(),
        setup_code: server.setup_code(),
        port: server.local_addr().port(),
    }));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let Numbered { id, order } =
            serde_json::from_str(&line).with_context(|| format!("no order: {line}"))?;
        if order == Order::Leave {
            break;
        }
        tell(&Line::Refused { id, why: "a server can only leave".to_owned() });
    }
    server.shutdown().await;
    Ok(())
}
