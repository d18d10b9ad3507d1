//! What Python sees of `sky_rs`: a list of names, nothing else.

pub mod errors;
#[cfg(unix)]
pub mod io_utils;
#[cfg(unix)]
pub mod process_utils;
pub mod python;
#[cfg(unix)]
pub mod read_ahead;
pub mod string_utils;
pub mod system_utils;

use python::{io, probe, process, string, system};

python::functions! {
    base36_encode(hex_str) = string::base36_encode,
        "Convert a hexadecimal number to base 36.";
    estimate_fd_for_directory(path) = process::estimate_fd_for_directory,
        "Return the file descriptors that syncing the directory may need: five for each entry.";
    find_free_port(start_port) = io::find_free_port,
        "Return the first free TCP port from start_port up to 65534.";
    format_float(num, precision = 1) = string::format_float,
        "Format a number with up to precision decimals, and without any when it is whole.";
    get_cpu_count() = system::get_cpu_count,
        "Return the number of processors, within the limits of affinity and control groups.";
    get_max_workers_for_file_mounts(common_file_mounts, cloud_str = None) = process::get_max_workers,
        "Return how many files to mount at once within the limit of open file descriptors.";
    get_mem_size_gb() = system::get_mem_size_gb,
        "Return the memory in units of 2**30 bytes, within the limit of control groups.";
    get_parallel_threads(cloud_str = None) = process::get_parallel_threads,
        "Return the number of threads to use, four times as many for Kubernetes.";
    hash_file(path, hash_alg) = io::hash_file,
        "Return the hashlib object of the named algorithm after it read the whole file.";
    is_process_alive(pid) = process::is_process_alive,
        "Tell whether the process exists; a zombie does.";
    read_last_n_lines(
        file_path, n, chunk_size = 8192, encoding = "utf-8", errors = "replace"
    ) = io::read_last_n_lines,
        "Return the last n lines of a file, all but the last with a newline at the end.";
    truncate_long_string(s, max_length = 35, truncate_middle = False) = string::truncate_long_string,
        "Shorten a string to about max_length characters and three dots.";
    _probe for base36_encode (hex_str) = probe,
        "Fail as a bug would, so that the Python twin of base36_encode answers; for tests.";
}

/// Native forms of twelve SkyPilot functions; use them through `sky.utils.rust_fallback`.
#[pyo3::pymodule(gil_used = false)]
mod sky_rs {
    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::python::fill_module(module, super::FUNCTIONS)
    }
}
