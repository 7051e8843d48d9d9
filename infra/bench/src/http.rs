//! The part of HTTP/1.1 that a loopback server of the bench needs: one request at a time on a persistent connection.

use std::io::{BufRead as _, BufReader, Read as _, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub struct Request {
    /// For example `/2018-06-01/runtime/invocation/next`.
    pub path: String,
    pub body: Vec<u8>,
}

pub struct Connection(BufReader<TcpStream>);

impl Connection {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The next request. `None` if the client has closed the connection.
    pub fn receive(&mut self) -> Result<Option<Request>> {
        let start = self.line()?;
        let Some(path) = start.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap_or_default(),
                Some(("transfer-encoding", _)) => chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        while chunked {
            let mut chunk = vec![0; usize::from_str_radix(&self.line()?, 16).unwrap_or_default()];
            self.0.read_exact(&mut chunk)?;
            self.line()?;
            chunked = !chunk.is_empty();
            body.append(&mut chunk);
        }
        Ok(Some(Request { path, body }))
    }

    /// Sends the answer to the last request.
    pub fn send(&mut self, status: &str, headers: &str, body: &[u8]) -> Result<()> {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        self.0.get_mut().write_all(&[head.as_bytes(), body].concat())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// A server on a free loopback port with one thread for each connection. It stops listening when dropped.
pub struct Server {
    address: String,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that handles each connection with `serve`.
    pub fn start(serve: impl Fn(Connection) -> Result<()> + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (closed, serve) = (Arc::new(AtomicBool::new(false)), Arc::new(serve));
        let closing = Arc::clone(&closed);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if closing.load(Ordering::SeqCst) {
                    return;
                }
                let serve = Arc::clone(&serve);
                // A client that is killed during a request is not an error of the bench.
                thread::spawn(move || Connection::new(stream).and_then(|connection| serve(connection)));
            }
        });
        Ok(Self { address, closed })
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // The listener checks the flag when the next client connects: this one.
        let _ = TcpStream::connect(&self.address);
    }
}
