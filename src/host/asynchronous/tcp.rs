//! TCP connections and listeners for tasks.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wait::{Call, Owner, Wait, Waits};
use crate::device::Deadline;
use crate::host::tcp::{Listener, Stream};
use crate::host::wait::Waiting;
use crate::host::{TcpListener, TcpStream};

/// A [`TcpStream`] for tasks: [`AsyncHost::tcp_connect`](crate::AsyncHost::tcp_connect) opens one,
/// [`AsyncTcpListener::accept`] gives one. Clones are the same connection, and so are the halves of `tokio::io::split`.
///
/// Reads and writes by [`AsyncRead`] and [`AsyncWrite`], or by [`read`](Self::read) and [`write`](Self::write), which need
/// no `&mut`. The time of a `read` or `write` begins with its call. The traits cannot see that somebody has gone away who
/// waited: there the time begins with the first poll that finds nothing since one that found something.
///
/// It dereferences to the [`TcpStream`]: what does not wait stands there.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// #[tokio::test]
/// async fn the_host_speaks_to_itself(tun: Tun, host: Host) -> std::io::Result<()> {
///     let host = host.as_async();
///     let listener = host.tcp_listen((tun.host_v4(), 80))?;
///     let (client, accepted) = tokio::join!(host.tcp_connect((tun.host_v4(), 80)), listener.accept());
///     let (mut client, (mut server, from)) = (client?, accepted?);
///     assert_eq!(from, client.local_addr()?);
///     client.write_all(b"GET").await?;
///     client.shutdown().await?;
///     let mut request = Vec::new();
///     server.read_to_end(&mut request).await?;
///     assert_eq!(request, b"GET");
///     Ok(())
/// }
/// ```
pub struct AsyncTcpStream {
    stream: TcpStream,
    reading: Wait,
    writing: Wait,
}

impl TcpStream {
    /// The same connection for tasks.
    #[must_use]
    pub fn as_async(&self) -> AsyncTcpStream {
        AsyncTcpStream::new(self.clone())
    }
}

impl Waits for TcpStream {
    fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    fn owner(&self) -> Option<Owner> {
        match &self.inner {
            Stream::Mock(_) => None,
            #[cfg(target_os = "linux")]
            Stream::Kernel(stream) => Some(Owner::Stream(Arc::clone(stream))),
        }
    }
}

impl AsyncTcpStream {
    fn new(stream: TcpStream) -> Self {
        Self { stream, reading: Wait::of_stream(), writing: Wait::of_stream() }
    }

    /// Waits until it stands.
    pub(crate) async fn opened(stream: TcpStream, timeout: Option<Deadline>) -> io::Result<Self> {
        if let Some(timeout) = timeout {
            stream.waiting.set_timeout(timeout);
        }
        Call::write("connect").until(&stream, || stream.connected()).await?;
        Ok(Self::new(stream.named()?))
    }

    /// Reads what has arrived, waiting for the first octet. 0 is the end of the stream (or of the buffer).
    ///
    /// # Errors
    /// `TimedOut` when nothing came in time; ECONNRESET, ETIMEDOUT and others, once, when the connection was lost.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let stream = &self.stream;
        Call::read("read").until(stream, || stream.try_read(buffer)).await
    }

    /// As [`TcpStream::peek`].
    ///
    /// # Errors
    /// As [`TcpStream::peek`].
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let stream = &self.stream;
        Call::read("peek").until(stream, || stream.try_peek(buffer)).await
    }

    /// Writes what the send buffer has room for, waiting for the first octet's.
    ///
    /// # Errors
    /// `TimedOut` when there was no room in time; EPIPE after the end; what ended the connection, once.
    pub async fn write(&self, octets: &[u8]) -> io::Result<usize> {
        let stream = &self.stream;
        Call::write("write").until(stream, || stream.try_write(octets)).await
    }
}

impl AsyncRead for AsyncTcpStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, reading, .. } = self.get_mut();
        let attempt = || stream.try_read(buffer.initialize_unfilled());
        let length = ready!(reading.poll(context, Call::read("read"), stream, attempt))?;
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AsyncTcpStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, writing, .. } = self.get_mut();
        writing.poll(context, Call::write("write"), stream, || stream.try_write(octets))
    }

    /// What was written is the host's: nothing is left to do.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says good-bye with a FIN.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }
}

impl Clone for AsyncTcpStream {
    fn clone(&self) -> Self {
        Self::new(self.stream.clone())
    }
}

impl fmt::Debug for AsyncTcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncTcpStream").field(&self.stream).finish()
    }
}

impl Deref for AsyncTcpStream {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

/// A [`TcpListener`] whose waits are futures, made by [`AsyncHost::tcp_listen`](crate::AsyncHost::tcp_listen). Clones are
/// the same listener.
///
/// It dereferences to the [`TcpListener`]: what does not wait stands there.
#[derive(Clone, Debug)]
pub struct AsyncTcpListener {
    listener: TcpListener,
}

impl TcpListener {
    /// The same listener for tasks.
    #[must_use]
    pub fn as_async(&self) -> AsyncTcpListener {
        AsyncTcpListener { listener: self.clone() }
    }
}

impl Waits for TcpListener {
    fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    fn owner(&self) -> Option<Owner> {
        match &self.inner {
            Listener::Mock(_) => None,
            #[cfg(target_os = "linux")]
            Listener::Kernel(listener) => Some(Owner::Listener(Arc::clone(listener))),
        }
    }
}

impl AsyncTcpListener {
    /// As [`TcpListener::accept`].
    ///
    /// # Errors
    /// As [`TcpListener::accept`].
    pub async fn accept(&self) -> io::Result<(AsyncTcpStream, SocketAddr)> {
        let listener = &self.listener;
        let (stream, from) = Call::read("accept").until(listener, || listener.try_accept()).await?;
        Ok((AsyncTcpStream::new(stream), from))
    }
}

impl Deref for AsyncTcpListener {
    type Target = TcpListener;

    fn deref(&self) -> &TcpListener {
        &self.listener
    }
}
