//! Tells the sources which Python they are built for (`Py_3_10`, `Py_GIL_DISABLED`, ...).

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
