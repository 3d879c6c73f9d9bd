//! Can a test have a kernel device here? Tried for real, in a child process, so that nothing of this one changes.
//!
//! Layer: `kernel`. The steps are those of a kernel test: user namespace (where the capabilities are missing), its maps,
//! network namespace, node, device. The first refusal is diagnosed as a failing test would.

#![expect(unsafe_code, reason = "fork, and system calls that are safe after it")]

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, getegid, geteuid, pipe2};

use super::environment::NODE;
use super::obstacle::Obstacle;
use super::privilege::{self, Privilege, Refusal, Step};
use super::{KernelError, SetupError, ioctl};
use crate::codec::{IfReq, TunTapFlags};

/// Tries what a kernel test does, in a child process: whether a test binary that is started here can have a device, and
/// with which privileges. The answer is the system's, not this process's: a process with several threads can no longer
/// enter a user namespace even where the system allows it ([`prepare`](super::prepare)).
///
/// # Errors
/// [`SetupError::Obstacle`] with the first thing in the way; [`SetupError::Kernel`] when no child can be made.
///
/// ```no_run
/// match tuntap_test::kernel::probe() {
///     Ok(privilege) => println!("kernel tests can run: {privilege:?}"),
///     Err(obstacle) => println!("{obstacle}"),
/// }
/// ```
pub fn probe() -> Result<Privilege, SetupError> {
    let privileged = privilege::is_privileged();
    // Everything that allocates happens before the fork.
    let plan = Plan::new(privileged).map_err(|error| KernelError::new("plan the probe", error))?;
    let (report, to_report) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| KernelError::new("make a pipe", errno.into()))?;
    // SAFETY: the child calls nothing but system calls on memory made before, and ends by `_exit`.
    let child = match unsafe { fork() } {
        Err(errno) => return Err(KernelError::new("start the probe's process", errno.into()).into()),
        Ok(ForkResult::Child) => plan.try_all(&to_report),
        Ok(ForkResult::Parent { child }) => child,
    };
    drop(to_report);
    let mut refused = Vec::new();
    let read = File::from(report).read_to_end(&mut refused);
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(KernelError::new("wait for the probe's process", errno.into()).into()),
            Ok(_) => break,
        }
    }
    read.map_err(|error| KernelError::new("read the probe's report", error))?;
    match *refused.as_slice() {
        [DONE] if privileged => Ok(Privilege::Capabilities),
        [DONE] => Ok(Privilege::UserNamespace),
        [step, errno] => {
            let step = *STEPS.get(usize::from(step)).unwrap_or(&Step::Attach);
            Err(Obstacle::diagnose(Refusal { step, errno: errno.into() }).into())
        }
        _ => {
            let error = std::io::Error::from_raw_os_error(libc::EPROTO);
            Err(KernelError::new("read the probe's report", error).with_cure("Its process was killed").into())
        }
    }
}

/// The report of a child that was refused nothing; no index of [`STEPS`].
const DONE: u8 = 0xff;
/// The steps by the numbers that the child reports. Every errno of Linux is below 256.
const STEPS: [Step; 5] = [Step::UserNamespace, Step::IdMaps, Step::NetworkNamespace, Step::Node, Step::Attach];

/// What the child needs, made before it is.
struct Plan {
    privileged: bool,
    /// Files and what is written into them, in order; the first may be missing on old kernels.
    maps: [(CString, Vec<u8>); 3],
    node: CString,
    request: IfReq,
}

impl Plan {
    fn new(privileged: bool) -> std::io::Result<Self> {
        let (uid, gid) = (geteuid(), getegid());
        Ok(Self {
            privileged,
            maps: [
                (CString::new("/proc/self/setgroups")?, b"deny".to_vec()),
                (CString::new("/proc/self/uid_map")?, format!("{uid} {uid} 1").into_bytes()),
                (CString::new("/proc/self/gid_map")?, format!("{gid} {gid} 1").into_bytes()),
            ],
            node: CString::new(NODE)?,
            request: IfReq::new(None, TunTapFlags::TUN.union(TunTapFlags::NO_PI)),
        })
    }

    /// The child's whole life.
    fn try_all(&self, report: &OwnedFd) -> ! {
        let answer = match self.try_steps() {
            Ok(()) => [DONE, 0],
            Err((step, errno)) => {
                let number = STEPS.iter().position(|&present| present == step).unwrap_or(0);
                [u8::try_from(number).unwrap_or(0), u8::try_from(errno).unwrap_or(u8::MAX)]
            }
        };
        let octets = if answer[0] == DONE { 1 } else { 2 };
        // SAFETY: the buffer has two octets, of which at most two are written.
        unsafe { libc::write(report.as_raw_fd(), answer.as_ptr().cast::<c_void>(), octets) };
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(0) }
    }

    fn try_steps(&self) -> Result<(), (Step, c_int)> {
        if !self.privileged {
            unshare(libc::CLONE_NEWUSER).map_err(|errno| (Step::UserNamespace, errno))?;
            for (path, text) in &self.maps {
                match write(path, text) {
                    Ok(()) | Err(libc::ENOENT) => {}
                    Err(errno) => return Err((Step::IdMaps, errno)),
                }
            }
        }
        unshare(libc::CLONE_NEWNET).map_err(|errno| (Step::NetworkNamespace, errno))?;
        let node = open(&self.node, libc::O_RDWR).map_err(|errno| (Step::Node, errno))?;
        let attached = ioctl::set_iff_raw(node, self.request.encode());
        attached.map_err(|errno| (Step::Attach, errno))
    }
}

fn last_errno() -> c_int {
    Errno::last_raw()
}

fn unshare(flag: c_int) -> Result<(), c_int> {
    // SAFETY: takes a number.
    if unsafe { libc::unshare(flag) } < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Opens a file; the descriptor goes with the process.
fn open(path: &CString, flags: c_int) -> Result<c_int, c_int> {
    // SAFETY: the path is NUL-terminated and lives until the call returns.
    let descriptor = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    if descriptor < 0 { Err(last_errno()) } else { Ok(descriptor) }
}

fn write(path: &CString, text: &[u8]) -> Result<(), c_int> {
    let descriptor = open(path, libc::O_WRONLY)?;
    // SAFETY: the kernel made this descriptor for us just now; nobody else owns it.
    let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: the buffer is given with its length and lives until the call returns.
    let written = unsafe { libc::write(file.as_raw_fd(), text.as_ptr().cast::<c_void>(), text.len()) };
    if written < 0 { Err(last_errno()) } else { Ok(()) }
}
