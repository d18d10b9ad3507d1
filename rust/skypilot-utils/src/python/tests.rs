//! The native functions called by a real interpreter, with the Python twins of this checkout behind them.

use super::{fill_module, python_version};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::CString;

#[test]
fn versions_are_spelled_as_python_wants_them() {
    for (cargo, python) in [
        ("1.0.0", "1.0.0"),
        ("1.0.0-rc.1", "1.0.0rc1"),
        ("0.2.0-alpha.12", "0.2.0a12"),
        ("0.2.0-beta.0", "0.2.0b0"),
    ] {
        assert_eq!(python_version(cargo), python);
    }
}

/// Run Python code with the module as `sky_rs`, the twins as `twins`, and a folder for files as `folder`.
///
/// What a call of both gives is compared by `same(name, *args)`; it returns what `repr` shows.
fn python(code: &str) {
    const PRELUDE: &str = "
import os, sys
sys.path.insert(0, root)
import sky.utils.rust_twins as twins
def outcome(function, args, kwargs):
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        return type(error), str(error), type(error.__cause__)
    if hasattr(result, 'hexdigest'):
        return type(result), result.name, result.hexdigest()
    return type(result), result
def same(name, *args, **kwargs):
    native = outcome(getattr(sky_rs, name), args, kwargs)
    python = outcome(getattr(twins, name), args, kwargs)
    assert native == python, (name, args, kwargs, native, python)
    return native[1]
def by_native_code(name, *args, **kwargs):
    before = sky_rs._stats()[name]
    same(name, *args, **kwargs)
    assert sky_rs._stats()[name][:2] >= (before[0] + 1, before[1]), (name, args, kwargs)
def write(content):
    path = os.path.join(folder, 'file')
    with open(path, 'wb') as file:
        file.write(content)
    return path
";
    let folder = tempfile::tempdir().unwrap();
    Python::initialize();
    Python::attach(|py| {
        let module = PyModule::new(py, "sky_rs").unwrap();
        fill_module(&module, crate::FUNCTIONS).unwrap();
        let names = PyDict::new(py);
        names.set_item("sky_rs", module).unwrap();
        names.set_item("root", concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        names.set_item("folder", folder.path().to_str().unwrap()).unwrap();
        for code in [PRELUDE, code] {
            let code = CString::new(code).unwrap();
            if let Err(error) = py.run(&code, Some(&names), None) {
                error.print(py);
                panic!("the Python code above failed");
            }
        }
    });
}

#[test]
fn text_functions_agree_with_their_twins() {
    python(
        "
for hex in ['ff', '0', 'F' * 16, '1' * 33, 'a' * 5000, ' ff', '0x1f', '', 'g', '-1', '\\u0663', 'é', '\\ud800']:
    same('base36_encode', hex)
for hex in ['ff', 'a' * 5000]:
    by_native_code('base36_encode', hex)
for number in [0, 255, 256, -7, 10**15, 10**30, True, 16.0, -0.0, 0.25, 1e22, float('nan'), 'x', None]:
    same('format_float', number)
    for precision in [0, 3, 22, 23, -1, True, None, '2']:
        same('format_float', number, precision)
for text in ['', 'short', 'x' * 100, 'word ' * 50, 'é ' * 60, 'ab ' * 3000, 'é' * 5000, 'a\\ud800 ' * 50, b'x' * 99]:
    for length in [-3, 0, 3, 4, 35, 200, 2**70, None]:
        for middle in [False, True, 0]:
            same('truncate_long_string', text, length, middle)
same('truncate_long_string', s='word ' * 50, truncate_middle=True)
text = 'short'
assert sky_rs.truncate_long_string(text) is text
",
    );
}

#[test]
fn calls_that_do_not_fit_get_the_error_of_the_twin() {
    python(
        "
same('base36_encode')
same('base36_encode', 'ff', 'ff')
same('base36_encode', 'ff', hex_str='ff')
same('base36_encode', other='ff')
same('get_cpu_count', 1)
assert same('base36_encode', hex_str='ff') == '73'
",
    );
}

#[test]
fn file_functions_agree_with_their_twins() {
    python(
        "
for content in [b'', b'one', b'one\\ntwo\\r\\nthree\\n', b'\\n\\n', 'zwölf\\n日本\\n\\U0001f600\\n'.encode(), b'\\xff\\xfe\\n\\xe2\\x82\\n', b'x' * 300000, b'y\\n' * 200000, 'ü'.encode() * 9000]:
    path = write(content)
    for count in [1, 2, 1000, 10**6, 0, -1, True, 2**70]:
        same('read_last_n_lines', path, count)
    for errors in ['strict', 'ignore', 'surrogateescape', 'bogus', 7]:
        same('read_last_n_lines', path, 2, errors=errors)
    for encoding in ['utf8', 'latin-1', 'bogus', None]:
        same('read_last_n_lines', path, 2, 8192, encoding)
    for algorithm in ['md5', 'sha256', 'blake2b', 'sha3_256', 'bogus', None]:
        same('hash_file', path, algorithm)
for path in ['/nonexistent', '/', '/dev/null', '/proc/version', folder, '', 'a\\0b', 'é' * 600, b'/etc/passwd', None]:
    same('read_last_n_lines', path, 1)
    same('hash_file', path, 'sha256')
    same('estimate_fd_for_directory', path)
path = os.path.join(folder, 'é')
os.mkdir(path)
by_native_code('estimate_fd_for_directory', path)
by_native_code('hash_file', write(b'x'), 'sha256')
by_native_code('hash_file', write(b'x' * 700000), 'sha256')
by_native_code('read_last_n_lines', write(b'x\\n' * 99), 5)
",
    );
}

#[test]
fn a_large_file_is_hashed_whole() {
    python(
        "
import hashlib
content = bytes(range(256)) * 262144
path = write(content + b'tail')
expected = hashlib.sha256(content + b'tail').hexdigest()
assert sky_rs.hash_file(path, 'sha256').hexdigest() == expected
",
    );
}

#[test]
fn system_functions_agree_with_their_twins() {
    python(
        "
import types
same('get_cpu_count')
same('get_mem_size_gb')
for value in ['4.7', '8', ' 8 ', '-3', '1e3', '1_000', 'x', '', 'inf', '1e300']:
    for name in ['SKYPILOT_POD_CPU_CORE_LIMIT', 'SKYPILOT_POD_MEMORY_GB_LIMIT', 'SKYPILOT_POD_MEMORY_BYTES_LIMIT']:
        os.environ[name] = value
        same('get_cpu_count')
        same('get_mem_size_gb')
        del os.environ[name]
environ = os.environ
os.environ = {'SKYPILOT_POD_CPU_CORE_LIMIT': '77'}
try:
    assert same('get_cpu_count') == 77
finally:
    os.environ = environ
for cloud in [None, '', 'aws', 'kubernetes', 'KUBERNETES', '\\u212aubernetes', 1, b'x']:
    same('get_parallel_threads', cloud)
count = os.cpu_count
try:
    os.cpu_count = lambda: None
    assert same('get_parallel_threads') == 4
finally:
    os.cpu_count = count
",
    );
}

#[test]
fn process_functions_agree_with_their_twins() {
    python(
        "
import logging, resource
for pid in [os.getpid(), 1, 0, -1, 2**31 - 1, 2**31, 2**70, True, None, 1.0, '1']:
    same('is_process_alive', pid)
for port in [0, 20000, 65534, 65535, -1, 2**70, True, '80', None]:
    same('find_free_port', port)
for sources in [{}, {'a': '/etc'}, {'a': folder, 'b': '/nonexistent', 'c': 's3://x'}, {'a': 1.5}, {'a': '/usr/bin', 'b': '/usr/bin'}, None]:
    same('get_max_workers_for_file_mounts', sources)
    same('get_max_workers_for_file_mounts', sources, cloud_str='kubernetes')
records = []
handler = logging.Handler()
handler.emit = lambda record: records.append((record.levelname, record.getMessage()))
logger = logging.getLogger('sky.utils.subprocess_utils')
logger.addHandler(handler)
logger.setLevel(logging.DEBUG)
workers = same('get_max_workers_for_file_mounts', {'a': '/etc'})
assert records == [('DEBUG', f'Using {workers} workers for file mounts.')] * 2, records
def fail(record):
    raise KeyboardInterrupt
handler.emit = fail
same('get_max_workers_for_file_mounts', {'a': '/etc'})
logger.removeHandler(handler)
",
    );
}

#[test]
fn the_twin_answers_when_native_code_panics() {
    python(
        "
import logging
messages = []
handler = logging.Handler()
handler.emit = lambda record: messages.append((record.levelname, record.getMessage()))
logging.getLogger('sky.utils.rust_fallback').addHandler(handler)
before = sky_rs._stats().get('_probe', (0, 0, 0))
assert sky_rs._probe('ff') == '73'
assert sky_rs._probe(hex_str='24') == '10'
assert sky_rs._stats()['_probe'] == (before[0], before[1], before[2] + 2)
assert messages == [('WARNING', 'Internal error in sky_rs._probe, answered by its Python twin: the probe was asked to fail')], messages
try:
    sky_rs._probe()
except TypeError as error:
    assert 'hex_str' in str(error)
",
    );
}

#[test]
fn functions_look_like_functions() {
    python(
        "
import inspect
for name in ['base36_encode', 'format_float', 'read_last_n_lines', 'truncate_long_string', 'get_cpu_count']:
    native, twin = getattr(sky_rs, name), getattr(twins, name)
    assert native.__name__ == name and native.__module__ == 'sky_rs' and native.__doc__
    plain = [(p.name, p.default) for p in inspect.signature(native).parameters.values()]
    assert plain == [(p.name, p.default) for p in inspect.signature(twin).parameters.values()]
assert sky_rs.get_max_workers is sky_rs.get_max_workers_for_file_mounts
",
    );
}

#[cfg(unix)]
#[test]
fn reading_ahead_gives_the_same_hash() {
    Python::initialize();
    Python::attach(|py| {
        let hashlib = py.import("hashlib").unwrap();
        let constructor = hashlib.getattr("sha256").unwrap();
        for length in [0, 1, 52 * 1024, 5 * 52 * 1024, 3_000_001] {
            let content: Vec<u8> = (0..length).map(|index: u32| (index % 251) as u8).collect();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &content).unwrap();
            let opened = std::fs::File::open(file.path()).unwrap();
            let read = super::hash::hash_reading_ahead(py, &constructor, &opened).unwrap();
            let digest: String = read.call_method0("hexdigest").unwrap().extract().unwrap();
            let whole = constructor.call1((pyo3::types::PyBytes::new(py, &content),)).unwrap();
            assert_eq!(digest, whole.call_method0("hexdigest").unwrap().extract::<String>().unwrap());
        }
    });
}
