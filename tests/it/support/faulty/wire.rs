//! A minimal HTTP/1.1 implementation between an SDK and an engine that can break off at any point.

use std::io::{Error, ErrorKind, Result};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A request or an answer. Header names are in lower case.
#[derive(Debug, Clone)]
pub struct Message {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// A JSON answer in DynamoDB's form.
    pub fn answer(status: u16, body: &Value) -> Self {
        let content_type = ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned());
        Self { start: format!("HTTP/1.1 {status} x"), headers: vec![content_type], body: body.to_string().into_bytes() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn set_header(&mut self, name: &str, value: String) {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value));
    }

    /// The body as JSON; `null` when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn set_json(&mut self, body: &Value) {
        self.body = body.to_string().into_bytes();
    }

    /// The status of an answer; 0 for a request.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The error code of an error answer (`ConditionalCheckFailedException`).
    pub fn error_code(&self) -> Option<String> {
        let body = self.json();
        body["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).map(str::to_owned)
    }

    /// The bytes on the wire. Length and checksum are computed from the current body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut message = self.clone();
        message.headers.retain(|(name, _)| name != "transfer-encoding");
        message.set_header("content-length", self.body.len().to_string());
        if self.start.starts_with("HTTP/") && self.header("x-amz-crc32").is_none() {
            message.set_header("x-amz-crc32", crc32fast::hash(&self.body).to_string());
        }
        let headers = message.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("{}\r\n{}\r\n", self.start, headers.collect::<String>());
        [head.as_bytes(), &self.body].concat()
    }
}

/// One end of a connection.
pub struct Peer(BufReader<TcpStream>);

impl Peer {
    pub fn new(socket: TcpStream) -> Self {
        let _ = socket.set_nodelay(true);
        Self(BufReader::new(socket))
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.get_mut().write_all(bytes).await
    }

    /// Reads the next message. Fails at the end of the connection.
    pub async fn receive(&mut self) -> Result<Message> {
        let start = self.line().await?;
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Message { start, headers, body: Vec::new() };
        if message.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            while let length @ 1.. = usize::from_str_radix(self.line().await?.trim(), 16).map_err(Error::other)? {
                message.body.extend(self.exactly(length).await?);
                self.line().await?;
            }
            self.line().await?;
        } else {
            let length = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            message.body = self.exactly(length).await?;
        }
        Ok(message)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}

/// A connection to the engine, opened when first needed.
pub struct Engine {
    address: String,
    peer: Option<Peer>,
}

impl Engine {
    /// `endpoint`: `http://host:port`.
    pub fn new(endpoint: &str) -> Self {
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { address, peer: None }
    }

    pub async fn forward(&mut self, request: &Message) -> Result<Message> {
        let mut peer = match self.peer.take() {
            Some(peer) => peer,
            None => Peer::new(TcpStream::connect(&self.address).await?),
        };
        peer.send(&request.bytes()).await?;
        let mut answer = peer.receive().await?;
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.peer = (!closes && answer.start.starts_with("HTTP/1.1")).then_some(peer);
        // The body may be changed before it is passed on: its checksum is made when it leaves.
        answer.headers.retain(|(name, _)| name != "x-amz-crc32" && name != "connection");
        Ok(answer)
    }

    /// Sends a call of the proxy itself, with the credentials and content type of `like`.
    pub async fn ask(&mut self, like: &Message, operation: &str, body: &Value) -> Result<Value> {
        let mut request = like.clone();
        request.set_header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        request.set_json(body);
        let answer = self.forward(&request).await?;
        match answer.status() {
            200 => Ok(answer.json()),
            status => Err(Error::other(json!({ "status": status, "body": answer.json() }).to_string())),
        }
    }
}
