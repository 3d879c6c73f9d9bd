//! The one reader of a link: it takes every frame off the device, offers it to the responders and queues the rest.
//!
//! Layer: `device`. It knows no answering machine and no packet: [`Responder`] is all it asks for. The answering
//! machines (`answer`) and the context sit on top; code under test that owns the device itself needs none of this.
//!
//! ```text
//!              receive                respond                  transmit
//!  device ───────────────► reader ───────────────► responders ──────────► device
//!                             │  nobody took it
//!                             └──────────────────► queue ──► Dispatcher::next
//! ```
//!
//! With packet information kept ([`Device::framing`] is not `Framing::None`) a responder sees the frame without the
//! header, the reader puts one in front of each reply, and what goes to the queue keeps the header it came with.
//!
//! What a responder may rely on: it runs on the reader's thread, one responder at a time, in the order in which they
//! were attached. When [`Dispatcher::detach`] has returned, it is not running and its replies are written. It must not
//! attach, detach or stop on its own dispatcher: that panics instead of waiting for itself.
//!
//! ```
//! use std::sync::Arc;
//! use tuntap_test::device::dispatch::{Dispatcher, Replies, Responder, Verdict};
//! use tuntap_test::device::{Device, FrameRef};
//!
//! /// Sends every frame back as it came.
//! struct Mirror;
//!
//! impl Responder for Mirror {
//!     fn name(&self) -> &str {
//!         "mirror"
//!     }
//!
//!     fn respond(&mut self, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
//!         replies.frame().extend_from_slice(request.octets);
//!         Verdict::Taken
//!     }
//! }
//!
//! fn mirror(device: Arc<dyn Device>) -> std::io::Result<Dispatcher> {
//!     let dispatcher = Dispatcher::start(device)?;
//!     dispatcher.attach(Box::new(Mirror));
//!     Ok(dispatcher)
//! }
//! ```

mod pump;
mod queue;
mod reader;
mod replies;
mod responders;
mod wakers;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

pub use queue::Received;
pub use replies::Replies;
pub(crate) use responders::panic_message;
pub use responders::{Detached, ResponderId};
#[cfg(feature = "tokio")]
pub(crate) use wakers::Look;
#[cfg(all(test, feature = "tokio"))]
pub(crate) use wakers::counting;
pub(crate) use wakers::{Wakers, Woken};

use super::{Deadline, Device, FrameRef, Source, patience};
use pump::Pump;
use queue::Queue;
use responders::Responders;

/// Something that looks at each frame of a link first, and may reply.
pub trait Responder: Send {
    /// A short name for messages, such as `icmp echo`.
    fn name(&self) -> &str;

    /// Looks at one frame and writes what it has to say into `replies`.
    ///
    /// The frames in `replies` are transmitted when this returns, whatever the verdict. `request` and `replies` are
    /// without packet information. A panic takes the responder out of the list and is kept for
    /// [`Dispatcher::detach`]; its replies to that frame are dropped and the next responder gets the frame.
    fn respond(&mut self, request: FrameRef<'_>, replies: &mut Replies) -> Verdict;

    /// Told after the replies to one frame were handed to the device: how many it took and how many it refused.
    /// Not called when there were none.
    fn transmitted(&mut self, taken: u64, refused: u64) {
        let _ = (taken, refused);
    }

    /// Told once when the reader ends, because it was stopped or because the device failed: nothing follows.
    fn reader_ended(&mut self) {}
}

/// Is told of every frame that the reader takes off the device and of every reply, on the reader's thread, in order:
/// what an exchange keeps its record with.
pub trait Observer: Send + Sync {
    /// A frame was read, at that time; nobody has seen it yet. Gives the number by which the frame is known from now on
    /// ([`Received::number`]), or `None` to keep it to itself: then nobody else sees it.
    fn received(&self, frame: FrameRef<'_>, at: Instant) -> Option<u64>;

    /// A responder wrote a reply to that frame, which the device took or refused.
    fn replied(&self, number: u64, by: &str, reply: FrameRef<'_>, refused: Option<&io::Error>);

    /// A responder panicked at the frame, with that message. It sees no more frames; the next one sees this one.
    fn panicked(&self, number: u64, by: &str, message: &str) {
        let _ = (number, by, message);
    }

    /// A responder took the frame.
    fn taken(&self, number: u64, by: &str);

    /// Nobody took the frame, and it was dropped: the queue is full.
    fn dropped(&self, number: u64);

    /// The reader has read all there is and is about to wait.
    fn idle(&self) {}
}

/// What a [`Responder`] made of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a frame is taken or it is not")]
pub enum Verdict {
    /// It was for this responder: nobody else sees it.
    Taken,
    /// Not for this responder: the next one sees it, and after the last one the queue.
    Passed,
}

/// What the reader did so far. All numbers count frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Read from the device.
    pub received: u64,
    /// Taken by a responder.
    pub taken: u64,
    /// Replies the device took.
    pub replies: u64,
    /// Replies the device refused: EIO while the interface is down, EAGAIN, ENOBUFS, EINVAL and the like.
    pub failed_replies: u64,
    /// Taken by nobody and dropped: the queue was full, or the dispatcher keeps none.
    pub dropped: u64,
}

/// The same, as the reader counts it.
#[derive(Default)]
struct Counters {
    received: AtomicU64,
    taken: AtomicU64,
    replies: AtomicU64,
    failed_replies: AtomicU64,
    dropped: AtomicU64,
}

/// What the reader and the [`Dispatcher`] share.
struct Shared {
    device: Arc<dyn Device>,
    responders: Responders,
    observer: Option<Arc<dyn Observer>>,
    queue: Queue,
    counters: Counters,
    stopping: AtomicBool,
}

/// The one reader of a link and its queue of undelivered frames. See the [module](self).
///
/// Every method takes `&self`, so that an `Arc<Dispatcher>` serves a test and its answering machines at once.
/// Dropping it stops the reader.
#[must_use = "dropping a dispatcher stops its reader"]
pub struct Dispatcher {
    shared: Arc<Shared>,
    reader: Reader,
}

/// Who reads.
enum Reader {
    /// A thread of its own.
    Thread { id: ThreadId, thread: Mutex<Option<JoinHandle<()>>> },
    /// Whoever does what is due on the link's clock: nothing is read in the background.
    Clock(Arc<Pump>),
}

impl Dispatcher {
    /// Starts the reader: a thread named after the interface, in the caller's network namespace.
    ///
    /// Frames that nobody takes are queued for [`next`](Self::next), up to 64 MiB; then the newest are dropped and
    /// counted ([`Statistics::dropped`]).
    ///
    /// # Errors
    /// What [`Device::name`] gives, and EAGAIN when the system has no thread left.
    pub fn start(device: Arc<dyn Device>) -> io::Result<Self> {
        Self::spawn(device, queue::MOST_OCTETS, Responders::default(), None)
    }

    /// As [`start`](Self::start), with an observer, and with a responder that is there from the first frame on.
    pub(crate) fn start_observed(
        device: Arc<dyn Device>,
        observer: Arc<dyn Observer>,
        responder: Option<Box<dyn Responder>>,
    ) -> io::Result<(Self, Option<ResponderId>)> {
        let responders = Responders::default();
        let id = responder.map(|responder| responders.attach(responder));
        Ok((Self::spawn(device, queue::MOST_OCTETS, responders, Some(observer))?, id))
    }

    /// As [`start`](Self::start), with a responder that is there from the first frame on: what the device had queued
    /// before is for it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(device: Arc<dyn Device>, responder: Box<dyn Responder>) -> io::Result<(Self, ResponderId)> {
        Self::spawn_with(device, queue::MOST_OCTETS, responder)
    }

    /// Starts a reader that only answers: frames that no responder takes are dropped and counted
    /// ([`Statistics::dropped`]), so that it can run for days. `responder` is there from the first frame on; what the
    /// device had queued before is for it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_discarding(device: Arc<dyn Device>, responder: Box<dyn Responder>) -> io::Result<(Self, ResponderId)> {
        Self::spawn_with(device, 0, responder)
    }

    fn spawn_with(
        device: Arc<dyn Device>,
        most_octets: usize,
        responder: Box<dyn Responder>,
    ) -> io::Result<(Self, ResponderId)> {
        let responders = Responders::default();
        let id = responders.attach(responder);
        Ok((Self::spawn(device, most_octets, responders, None)?, id))
    }

    fn spawn(
        device: Arc<dyn Device>,
        most_octets: usize,
        responders: Responders,
        observer: Option<Arc<dyn Observer>>,
    ) -> io::Result<Self> {
        // A thread's name must not hold NUL; no kernel's interface name does.
        let name = device.name()?.replace('\0', "?");
        let queue = Queue::new(device.mode(), device.framing().header_len(), most_octets, name.clone(), device.clock());
        let shared = Arc::new(Shared {
            device,
            responders,
            observer,
            queue,
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
        });
        let clock = shared.device.clock();
        if clock.scheduler().is_some() {
            let pump = Arc::new(Pump::new(Arc::clone(&shared)));
            let source: Weak<dyn Source> = Arc::<Pump>::downgrade(&pump);
            clock.add_source(source);
            return Ok(Self { shared, reader: Reader::Clock(pump) });
        }
        let for_reader = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name).spawn(move || reader::run(&for_reader))?;
        Ok(Self { shared, reader: Reader::Thread { id: thread.thread().id(), thread: Mutex::new(Some(thread)) } })
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Arc<dyn Device> {
        &self.shared.device
    }

    /// Adds a responder behind those that are there.
    ///
    /// # Panics
    /// On the reader's own thread, that is from inside a responder.
    pub fn attach(&self, responder: Box<dyn Responder>) -> ResponderId {
        self.assert_not_on_reader("attach");
        self.shared.responders.attach(responder)
    }

    /// Takes a responder out. When this returns it is not running, and what it replied is written.
    ///
    /// `None` when the id is of another dispatcher or was detached before. Waits for the call in progress, if there
    /// is one, and for nothing else.
    ///
    /// # Panics
    /// On the reader's own thread, that is from inside a responder (unless that is panicking already: then `None`).
    pub fn detach(&self, id: ResponderId) -> Option<Detached> {
        if self.is_on_reader() && thread::panicking() {
            return None;
        }
        self.assert_not_on_reader("detach");
        self.shared.responders.detach(id)
    }

    /// The next frame that nobody took, oldest first.
    ///
    /// The wait is on the device's clock.
    ///
    /// # Errors
    /// `WouldBlock` (EAGAIN) or `TimedOut` (ETIMEDOUT) as `deadline` says; `Interrupted` (EINTR) after
    /// [`interrupt`](Self::interrupt); what ended the reader, once the queue is empty and on every call from then on:
    /// the device's error, or EBADF after a [`stop`](Self::stop).
    pub fn next(&self, deadline: Deadline) -> io::Result<Received> {
        self.shared.queue.next(deadline)
    }

    /// Throws away what has arrived and nobody took, and says how many frames it was. What is still on the device when
    /// this is called is read first, offered to the responders and thrown away too.
    ///
    /// # Errors
    /// TimedOut when frames come faster than they are read, for 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`).
    ///
    /// # Panics
    /// On the reader's own thread, that is from inside a responder.
    pub fn drain(&self) -> io::Result<usize> {
        self.catch_up("drain", patience())?;
        Ok(self.shared.queue.drain())
    }

    /// Waits until the reader has read what the device holds now.
    ///
    /// # Errors
    /// TimedOut when frames come faster than they are read for so long.
    pub(crate) fn catch_up(&self, verb: &str, at_most: Duration) -> io::Result<()> {
        self.assert_not_on_reader(verb);
        if let Reader::Clock(_) = self.reader {
            return self.shared.queue.quiesce();
        }
        let passes = self.shared.queue.passes();
        // The reader reads all there is before it looks up, so when it does it has caught up.
        self.shared.device.interrupt();
        self.shared.queue.wait_for_pass(passes, at_most)
    }

    /// Waits for a time, whatever comes meanwhile. Not interrupted.
    ///
    /// # Errors
    /// What ended the reader, as soon as it does.
    pub(crate) fn pause(&self, deadline: Deadline) -> io::Result<()> {
        self.shared.queue.pause(deadline)
    }

    /// What ended the reader, for a task: waits as long as it takes.
    #[cfg(feature = "tokio")]
    pub(crate) fn end_async(&self) -> impl Future<Output = io::Error> + Send {
        self.shared.queue.end_async()
    }

    /// As [`next`](Self::next), for a task: waits as long as it takes.
    #[cfg(feature = "tokio")]
    pub(crate) fn next_async(&self) -> impl Future<Output = io::Result<Received>> + Send {
        self.shared.queue.next_async()
    }

    /// As [`catch_up`](Self::catch_up), for a task: waits as long as it takes.
    #[cfg(feature = "tokio")]
    pub(crate) fn catch_up_async(&self, verb: &str) -> impl Future<Output = ()> + Send + use<'_> {
        self.assert_not_on_reader(verb);
        let passed = self.shared.queue.pass_async();
        match self.reader {
            Reader::Thread { .. } => self.shared.device.interrupt(),
            Reader::Clock(_) => {
                self.shared.device.clock().settle();
                self.shared.queue.pass();
            }
        }
        passed
    }

    /// Puts frames back in front of those that were read later, as if nobody had looked at them.
    pub(crate) fn put_back(&self, frames: Vec<Received>) {
        self.shared.queue.put_back(frames);
    }

    /// The numbers of the frames that wait.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        self.shared.queue.numbers()
    }

    /// How many frames wait for [`next`](Self::next).
    #[must_use]
    pub fn undelivered(&self) -> usize {
        self.shared.queue.len()
    }

    /// Makes one [`next`](Self::next), the waiting one or else the next one that would wait, return `Interrupted`.
    pub fn interrupt(&self) {
        self.shared.queue.interrupt();
    }

    /// What the reader did so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            received: read(&counters.received),
            taken: read(&counters.taken),
            replies: read(&counters.replies),
            failed_replies: read(&counters.failed_replies),
            dropped: read(&counters.dropped),
        }
    }

    /// Stops the reader and waits for it: one [`Device::interrupt`] and a join, so it takes no longer than the
    /// responder that is running. Dropping does the same.
    ///
    /// A reader that was not waiting at that moment leaves the interruption behind: the next
    /// [`Device::receive`] of somebody else that would wait may then return `Interrupted` once.
    pub fn stop(self) {
        drop(self);
    }

    /// Stops, and says how many frames nobody took.
    pub(crate) fn stop_and_count(mut self) -> usize {
        self.join();
        self.undelivered()
    }

    fn join(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        match &mut self.reader {
            Reader::Thread { id, thread } => {
                self.shared.device.interrupt();
                let thread = thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
                // A responder may hold the last reference to its dispatcher: the reader then ends on its own.
                if let Some(thread) = thread.filter(|_| thread::current().id() != *id) {
                    // The reader catches its own panics; there is nothing to hand on.
                    let _ = thread.join();
                }
            }
            Reader::Clock(pump) => pump.stop(),
        }
    }

    pub(crate) fn is_on_reader(&self) -> bool {
        match &self.reader {
            Reader::Thread { id, .. } => thread::current().id() == *id,
            Reader::Clock(pump) => pump.runs_here(),
        }
    }

    fn assert_not_on_reader(&self, verb: &str) {
        assert!(!self.is_on_reader(), "a responder cannot {verb} on its own dispatcher: it would wait for itself");
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.join();
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("undelivered", &self.undelivered())
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
