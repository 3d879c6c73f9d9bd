//! Who sees the frames of links that were handed over, so that a test that fails can tell them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::device::Witness;
use crate::exchange::Record;

/// The witnesses of a test. Clones are the same.
///
/// Nobody asks one before the test has failed: until then the frames are in the kernel's buffer, or the mock's queue.
#[derive(Clone, Default)]
pub(crate) struct Witnesses(Arc<Mutex<Vec<Watched>>>);

struct Watched {
    record: Arc<Record>,
    witness: Box<dyn Witness>,
}

impl Witnesses {
    fn list(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link of that record is handed over, and that is who sees it. Where nobody can, the record says why.
    pub(super) fn watch(&self, record: &Arc<Record>, witness: io::Result<Box<dyn Witness>>) {
        match witness {
            Ok(witness) => {
                record.handed_over(Ok(0));
                self.list().push(Watched { record: Arc::clone(record), witness });
            }
            Err(error) => record.handed_over(Err(error.to_string())),
        }
    }

    /// Brings what has passed so far into the records.
    pub(super) fn testify(&self) {
        for Watched { record, witness } in self.list().iter_mut() {
            let lost = witness.take(&mut |seen| record.seen(&seen));
            record.handed_over(lost.map_err(|error| error.to_string()));
        }
    }

    /// The sockets that are the harness's own.
    #[cfg(target_os = "linux")]
    pub(super) fn inodes(&self) -> Vec<u64> {
        self.list().iter().filter_map(|watched| watched.witness.inode()).collect()
    }
}
