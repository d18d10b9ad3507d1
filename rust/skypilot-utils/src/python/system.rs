//! The functions on processors and memory as Python calls them.

use super::arguments::Argument;
use crate::errors::{Answer, Stop};
use pyo3::prelude::*;

/// On Linux, with an environment and control groups that read as usual.
#[cfg(target_os = "linux")]
pub fn get_cpu_count<'py>(py: Python<'py>, _: [Argument<'_, 'py>; 0]) -> Answer<'py> {
    linux::get_cpu_count(py)
}

/// On Linux, with an environment, `/proc/meminfo` and control groups that read as usual.
#[cfg(target_os = "linux")]
pub fn get_mem_size_gb<'py>(py: Python<'py>, _: [Argument<'_, 'py>; 0]) -> Answer<'py> {
    linux::get_mem_size_gb(py)
}

/// The Python twin's.
#[cfg(not(target_os = "linux"))]
pub fn get_cpu_count<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 0]) -> Answer<'py> {
    Err(Stop::HandOver)
}

/// The Python twin's.
#[cfg(not(target_os = "linux"))]
pub fn get_mem_size_gb<'py>(_: Python<'py>, _: [Argument<'_, 'py>; 0]) -> Answer<'py> {
    Err(Stop::HandOver)
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Answer, Python, Stop};
    use crate::io_utils::{fill, open};
    use crate::python::environment::{Environment, Variable};
    use crate::python::objects::{new_float, new_int};
    use crate::system_utils::{
        Limit, cpu_limit_v1, cpu_limit_v2, memory_limit, plain_float, total_memory, whole_part,
    };
    use rustix::fs::{FileType, stat};
    use std::ffi::CStr;

    const GIB: f64 = 1_073_741_824.0;
    static CPU_LIMIT: Variable = Variable::new("SKYPILOT_POD_CPU_CORE_LIMIT");
    static MEMORY_GB: Variable = Variable::new("SKYPILOT_POD_MEMORY_GB_LIMIT");
    static MEMORY_BYTES: Variable = Variable::new("SKYPILOT_POD_MEMORY_BYTES_LIMIT");

    pub(super) fn get_cpu_count(py: Python<'_>) -> Answer<'_> {
        if let Some(number) = Environment::now(py)?.number(&CPU_LIMIT)? {
            return new_int(py, whole_part(number).ok_or(Stop::HandOver)?);
        }
        let affinity = i64::from(rustix::thread::sched_getaffinity(None)?.count());
        let count = match control_group_cpu_limit()? {
            Limit::At(limit) => affinity.min(limit),
            Limit::None => affinity,
            Limit::Unclear => return Err(Stop::HandOver),
        };
        // There is at least one processor on line, so that for 1 and less there is nothing to ask.
        new_int(py, if count <= 1 { count } else { count.min(processors_online()?) })
    }

    pub(super) fn get_mem_size_gb(py: Python<'_>) -> Answer<'_> {
        let environment = Environment::now(py)?;
        if let Some(number) = environment.number(&MEMORY_GB)? {
            return new_float(py, number);
        }
        if let Some(number) = environment.number(&MEMORY_BYTES)? {
            return new_float(py, number / GIB);
        }
        let mut buffer = [0; 8192];
        let total = total_memory(read(c"/proc/meminfo", &mut buffer)?.ok_or(Stop::HandOver)?);
        let total = total.ok_or(Stop::HandOver)?.get();
        let path = if is_control_group_v2() {
            c"/sys/fs/cgroup/memory.max"
        } else {
            c"/sys/fs/cgroup/memory/memory.limit_in_bytes"
        };
        let bytes = match read(path, &mut buffer)?.map_or(Limit::None, memory_limit) {
            Limit::At(limit) => total.min(limit),
            Limit::None => total,
            Limit::Unclear => return Err(Stop::HandOver),
        };
        if bytes >= 1 << 53 {
            return Err(Stop::HandOver); // a float does not hold it exactly
        }
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        new_float(py, bytes as f64 / GIB)
    }

    fn is_control_group_v2() -> bool {
        stat(c"/sys/fs/cgroup/cgroup.controllers")
            .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::RegularFile)
    }

    fn control_group_cpu_limit() -> Result<Limit<i64>, Stop> {
        let mut buffer = [0; 256];
        if is_control_group_v2() {
            return Ok(read(c"/sys/fs/cgroup/cpu.max", &mut buffer)?.map_or(Limit::None, cpu_limit_v2));
        }
        let Some(quota) = read(c"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &mut buffer)? else {
            return Ok(Limit::None);
        };
        cpu_limit_v1(quota, || {
            let mut buffer = [0; 256];
            match read(c"/sys/fs/cgroup/cpu/cpu.cfs_period_us", &mut buffer)? {
                Some(period) => plain_float(period).map(Some).ok_or(Stop::HandOver),
                None => Ok(None),
            }
        })
    }

    /// The whole of a small file, or `None` when it cannot be read; one that fills `buffer` is the twin's.
    fn read<'b>(path: &CStr, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, Stop> {
        match open(path).and_then(|file| fill(&file, buffer)) {
            Ok(length) if length == buffer.len() => Err(Stop::HandOver),
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(_) => Ok(None),
        }
    }

    /// The processors on line, as glibc (and so psutil) counts them; this differs from affinity under lxcfs.
    fn processors_online() -> Result<i64, Stop> {
        // SAFETY: takes a number and returns one.
        let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        if count < 1 { Err(Stop::HandOver) } else { Ok(count) }
    }
}
