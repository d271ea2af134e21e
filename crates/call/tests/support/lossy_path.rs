//! A path between two calls that loses packets: UDP sockets in the middle, and candidates that lead to them.
//!
//! For each address of a side there is a socket that stands for it towards the other side. The candidates are rewritten on their way through
//! the relay, which takes signing them anew: the test knows everybody's keys.

use super::{Begin, Spoiler};
use ed25519_dalek::SigningKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use snug_call::session::{PairIds, Signer};
use snug_protocol::pair::PairSignal;
use snug_protocol::signal::ClientSignal;
use snug_protocol::{CallId, DeviceId, JoinId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

/// Smaller packets are checks, keys and reports; what is to be lost is media.
const MEDIA_BYTES: usize = 300;

#[derive(Default)]
pub(crate) struct Path {
    /// By a side's true address: what stands for it.
    sockets: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
    pub(crate) lost: AtomicU64,
    /// While this is set, nothing of a DTLS handshake passes.
    pub(crate) no_handshakes: AtomicBool,
}

impl Path {
    /// The address that leads to `to`, losing so much of what goes there.
    fn lead_to(self: &Arc<Self>, to: SocketAddr, loss: f64) -> SocketAddr {
        let mut sockets = self.sockets.lock().unwrap();
        let known = sockets.get(&to).map(|socket| socket.local_addr().unwrap());
        known.unwrap_or_else(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let socket = Arc::new(UdpSocket::from_std(socket).unwrap());
            sockets.insert(to, Arc::clone(&socket));
            tokio::spawn(Arc::clone(self).forward(Arc::clone(&socket), to, loss));
            socket.local_addr().unwrap()
        })
    }

    async fn forward(self: Arc<Self>, socket: Arc<UdpSocket>, to: SocketAddr, loss: f64) {
        let mut random = StdRng::seed_from_u64(7);
        let mut packet = vec![0; 2_000];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let handshake = matches!(packet[0], 20..=22);
            if handshake && self.no_handshakes.load(Ordering::Relaxed) {
                continue;
            }
            if length > MEDIA_BYTES && random.gen_bool(loss) {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let sender = self.sockets.lock().unwrap().get(&from).cloned();
            if let Some(sender) = sender {
                let _ = sender.send_to(&packet[..length], to).await;
            }
        }
    }

    /// The spoiler that leads both sides through this path.
    pub(crate) fn spoiler(self: &Arc<Self>, people: [&Begin; 2], loss: f64) -> Spoiler {
        let path = Arc::clone(self);
        let keys = HashMap::from(people.map(|begin| (begin.device, SigningKey::from_bytes(&begin.key))));
        let mut signers: HashMap<(DeviceId, JoinId, JoinId), Signer> = HashMap::new();
        Box::new(move |from, signal| {
            let ClientSignal::Relay { call, to, envelope } = signal else { return vec![signal] };
            let mut payload: PairSignal = envelope.payload.parse().unwrap();
            if let PairSignal::Candidate { candidate, .. } = &mut payload {
                match path.rewritten(candidate, loss) {
                    Some(rewritten) => *candidate = rewritten,
                    None => return Vec::new(),
                }
            }
            let (my_join, their_join) = (envelope.from_join, envelope.to_join);
            let signer = signers.entry((from, my_join, their_join)).or_insert_with(|| {
                let ids = ids(call, from, my_join, to, their_join);
                Signer::new(ids, keys[&from].clone())
            });
            vec![ClientSignal::Relay { call, to, envelope: signer.sign(&payload) }]
        })
    }

    /// The candidate that leads here instead; only those on loopback pass.
    fn rewritten(self: &Arc<Self>, candidate: &str, loss: f64) -> Option<String> {
        let mut fields: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
        let address: SocketAddr = format!("{}:{}", fields.get(4)?, fields.get(5)?).parse().ok()?;
        if !address.ip().is_loopback() {
            return None;
        }
        fields[5] = self.lead_to(address, loss).port().to_string();
        Some(fields.join(" "))
    }
}

fn ids(call: CallId, me: DeviceId, my_join: JoinId, them: DeviceId, their_join: JoinId) -> PairIds {
    PairIds { call, me, my_join, them, their_join }
}
