//! A signal socket.

use super::{
    http::{Api, Target},
    soon,
};
use futures_util::{SinkExt, StreamExt};
use hyper::StatusCode;
use snug_protocol::{
    CallId, Content, JoinId, RoomId,
    signal::{ClientSignal, Envelope, Participant, SUBPROTOCOL, ServerSignal},
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// How to ask for a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) token: Option<String>,
    pub(crate) ticket: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) protocol: Option<&'static str>,
}

impl Handshake {
    pub(crate) fn of(api: &Api) -> Self {
        Self { token: api.token.clone(), protocol: Some(SUBPROTOCOL), ..Self::default() }
    }

    /// Connects, or says with which status it was refused.
    pub(crate) async fn go(self, target: Target) -> Result<Socket, StatusCode> {
        let query = self.ticket.map_or(String::new(), |ticket| format!("?ticket={ticket}"));
        let url = format!("ws://{}/api/v1/signal{query}", target.addr);
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        if let Some(token) = self.token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        if let Some(origin) = self.origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        if let Some(protocol) = self.protocol {
            headers.insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let tls = target.tls().await.unwrap();
        match soon("a handshake", client_async(request, tls)).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(response)) => Err(response.status()),
            Err(other) => panic!("{other}"),
        }
    }
}

/// An open socket.
pub(crate) struct Socket(pub(crate) WebSocketStream<TlsStream<TcpStream>>);

impl Socket {
    /// Connects and reads the hello.
    pub(crate) async fn open(api: &Api) -> Self {
        let mut socket = Handshake::of(api).go(api.target).await.unwrap();
        let hello = socket.next().await;
        assert!(matches!(hello, ServerSignal::Hello { .. }), "{hello:?}");
        socket
    }

    pub(crate) async fn send(&mut self, signal: &ClientSignal) {
        self.say(Message::Text(serde_json::to_string(signal).unwrap().into())).await;
    }

    pub(crate) async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next signal; panics if the socket is closed instead.
    pub(crate) async fn next(&mut self) -> ServerSignal {
        match self.next_or_close().await {
            Ok(signal) => signal,
            Err(frame) => panic!("closed instead: {frame:?}"),
        }
    }

    /// The next signal that `wanted` takes; the others are passed over.
    pub(crate) async fn wait_for(&mut self, wanted: impl Fn(&ServerSignal) -> bool) -> ServerSignal {
        loop {
            let signal = self.next().await;
            if wanted(&signal) {
                return signal;
            }
        }
    }

    /// The code with which the server closes; signals before it are passed over. None when it is gone without one.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            if let Err(frame) = self.next_or_close().await {
                return frame.map(|frame| frame.code.into());
            }
        }
    }

    async fn next_or_close(&mut self) -> Result<ServerSignal, Option<CloseFrame>> {
        soon("a signal", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => return Err(frame),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        })
        .await
    }

    /// Joins a call and returns its roster.
    pub(crate) async fn joins(&mut self, call: CallId, room: RoomId, join: JoinId) -> Vec<Participant> {
        self.send(&ClientSignal::Join { call, room, join }).await;
        match self.wait_for(|signal| matches!(signal, ServerSignal::Roster { .. })).await {
            ServerSignal::Roster { call: of, members } => {
                assert_eq!(of, call);
                members
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn envelope(from_join: JoinId, to_join: JoinId, payload: Vec<u8>) -> Envelope {
    Envelope { from_join, to_join, counter: 1, payload: Content(payload), signature: Content(vec![1; 64]) }
}
