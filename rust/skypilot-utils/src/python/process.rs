//! The functions on processes, threads and directories as Python calls them.

use super::arguments::Argument;
use super::environment::{is_kubernetes, os_cpu_count};
use super::objects::new_int;
use crate::errors::{Answer, Stop};
use pyo3::prelude::*;

#[cfg(unix)]
pub use unix::{estimate_fd_for_directory, get_max_workers};

/// Any platform, for None or a `str` of ASCII characters.
pub fn get_parallel_threads<'py>(py: Python<'py>, [cloud]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    new_int(py, parallel_threads(py, cloud)?)
}

fn parallel_threads<'py>(py: Python<'py>, cloud: Argument<'_, 'py>) -> Result<i64, Stop> {
    let kubernetes = is_kubernetes(cloud)?;
    Ok(crate::system_utils::parallel_threads(os_cpu_count(py)?, kubernetes))
}

/// On Linux, for a number of 0 or more.
#[cfg(target_os = "linux")]
pub fn is_process_alive<'py>(py: Python<'py>, [pid]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    use super::objects::{exact_int, new_bool, required};
    let pid = exact_int(required(pid)?)?;
    let alive = match i32::try_from(pid) {
        Ok(0) => false,
        Ok(pid @ 1..) => crate::process_utils::is_process_alive(pid)?,
        Err(_) if pid > 0 => false,
        _ => return Err(Stop::HandOver),
    };
    new_bool(py, alive)
}

/// The Python twin's.
#[cfg(not(target_os = "linux"))]
pub fn is_process_alive<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    Err(Stop::HandOver)
}

/// The Python twin's.
#[cfg(not(unix))]
pub fn estimate_fd_for_directory<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 1]) -> Answer<'py> {
    Err(Stop::HandOver)
}

/// The Python twin's.
#[cfg(not(unix))]
pub fn get_max_workers<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 2]) -> Answer<'py> {
    Err(Stop::HandOver)
}

#[cfg(unix)]
mod unix {
    use super::{Answer, Argument, Bound, Python, Stop, new_int, parallel_threads};
    use crate::process_utils::{
        DESCRIPTORS_PER_ENTRY, count_entries, descriptor_limit, enough_entries, workers_for,
    };
    use crate::python::objects::{required, with_path};
    use pyo3::prelude::*;
    use pyo3::sync::PyOnceLock;
    use pyo3::types::{PyDict, PyString};
    use rustix::io::Errno;

    /// Below this soft limit there is a warning once a process, which the twin keeps count of.
    const LOW_LIMIT: u64 = 1024;

    /// A directory that a `str` names.
    pub fn estimate_fd_for_directory<'py>(py: Python<'py>, [path]: [Argument<'_, 'py>; 1]) -> Answer<'py> {
        let entries = with_path(required(path)?, |path| {
            py.detach(|| count_entries(path, u64::MAX)).map_err(Stop::from)
        })?;
        new_int(py, i64::try_from(entries * DESCRIPTORS_PER_ENTRY).map_err(|_| Stop::HandOver)?)
    }

    /// A `dict` whose values are all `str`, and a soft limit of descriptors that is not low.
    ///
    /// Directories are counted until the answer must be 1, and from then on only opened, for the errors.
    pub fn get_max_workers<'py>(py: Python<'py>, [mounts, cloud]: [Argument<'_, 'py>; 2]) -> Answer<'py> {
        let limit = descriptor_limit().filter(|limit| *limit >= LOW_LIMIT).ok_or(Stop::HandOver)?;
        let mounts = required(mounts)?;
        let mounts = mounts.cast_exact::<PyDict>().map_err(|_| Stop::HandOver)?;
        let enough = enough_entries(limit);
        let mut most = 1;
        for source in mounts.iter().map(|(_, source)| source) {
            let wanted = if most < enough { enough } else { 0 };
            let entries = with_path(source.as_borrowed(), |path| {
                match py.detach(|| count_entries(path, wanted)) {
                    // No directory, as `os.path.isdir` sees it.
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(0),
                    counted => Ok(counted?),
                }
            })?;
            most = most.max(entries);
        }
        let threads = parallel_threads(py, cloud)?;
        let workers = workers_for(limit, most * DESCRIPTORS_PER_ENTRY);
        let workers = i64::try_from(workers).unwrap_or(i64::MAX).min(threads);
        log_debug(py, workers).map_err(Stop::raise)?;
        new_int(py, workers)
    }

    fn log_debug(py: Python<'_>, workers: i64) -> PyResult<()> {
        static LOGGER: PyOnceLock<(Py<PyAny>, Py<PyString>, Py<PyString>)> = PyOnceLock::new();
        let (logger, is_enabled_for, debug) = LOGGER.get_or_try_init(py, || {
            let logger = py.import("logging")?.call_method1("getLogger", ("sky.utils.subprocess_utils",))?;
            let is_enabled_for = PyString::intern(py, "isEnabledFor").unbind();
            Ok::<_, PyErr>((logger.unbind(), is_enabled_for, PyString::intern(py, "debug").unbind()))
        })?;
        let logger: &Bound<'_, PyAny> = logger.bind(py);
        if logger.call_method1(is_enabled_for.bind(py), (10,))?.is_truthy()? {
            logger.call_method1(debug.bind(py), (format!("Using {workers} workers for file mounts."),))?;
        }
        Ok(())
    }
}
