//! The embedded engine on a port of its own, for programs that speak DynamoDB's wire protocol.
//!
//! Each integration test starts one. That takes milliseconds, because a process parses the template only once.

use std::net::TcpListener;
use std::path::Path;

use dynoxide::Database;
use tokio::runtime::Runtime;

use crate::embedded::EmbeddedEngine;
use crate::error::Result;
use crate::template::Template;

/// A running engine. It stops when dropped; a file keeps its data.
pub struct Engine {
    embedded: EmbeddedEngine,
    endpoint: String,
    // It has its own threads, so that it answers while the caller's runtime is busy.
    runtime: Option<Runtime>,
}

impl Engine {
    /// An engine that keeps its data in memory.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) or [`Error::Io`](crate::Error::Io) if memory, a thread or a port is not
    /// available.
    pub fn memory() -> Result<Self> {
        Self::serve(EmbeddedEngine::memory()?)
    }

    /// An engine that stores its data in an existing folder.
    ///
    /// # Errors
    /// As [`Self::memory`], and if the file cannot be opened.
    pub fn at(folder: &Path) -> Result<Self> {
        Self::serve(EmbeddedEngine::open(folder)?)
    }

    /// An engine in memory with the project's tables, for tests.
    ///
    /// # Errors
    /// As [`Self::memory`] and [`EmbeddedEngine::create_tables`].
    pub fn with_tables() -> Result<Self> {
        let engine = Self::memory()?;
        engine.embedded.create_tables(Template::project()?)?;
        Ok(engine)
    }

    fn serve(embedded: EmbeddedEngine) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("engine").enable_all().build()?;
        let served = embedded.database().clone();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async move {
            if let Err(reason) = dynoxide::server::serve_with_shutdown(listener, served, std::future::pending()).await {
                tracing::error!(reason, "the embedded database stopped");
            }
        });
        Ok(Self { embedded, endpoint, runtime: Some(runtime) })
    }

    /// The URL for the SDK, for example `http://127.0.0.1:40123`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The engine without its port, for streams and expiry.
    pub fn embedded(&self) -> &EmbeddedEngine {
        &self.embedded
    }

    /// The engine's library.
    pub fn database(&self) -> &Database {
        self.embedded.database()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The runtime is not dropped, because that would block, and would panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_answers_on_its_endpoint_until_dropped() {
        let engine = Engine::memory().unwrap();
        let address = engine.endpoint().trim_start_matches("http://").to_owned();
        assert!(std::net::TcpStream::connect(&address).is_ok());
        drop(engine);
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::net::TcpStream::connect(&address).is_err()
        });
        assert!(gone);
    }
}
