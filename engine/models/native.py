"""llama.cpp as a quiet library: loaded once, its log held back, its errors kept for sentences."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

_ERROR = 4  # GGML_LOG_LEVEL_ERROR; llama-cpp-python's own table is off by one and prints warnings


class NativeErrors:
    """What llama.cpp logged as errors while it was listened to."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def cause(self) -> str:
        """The first error: later ones only say that something failed."""
        return self.lines[0].strip().rstrip(".") if self.lines else "no reason was given"

    @property
    def out_of_memory(self) -> bool:
        text = " ".join(self.lines).lower()
        return any(sign in text for sign in ("allocate", "bad_alloc", "out of memory", "enomem"))


class _Log:
    """The process's one log callback (the C side holds no reference to it) and who listens now."""

    callback: Any = None
    listener: NativeErrors | None = None


@cache
def library() -> Any:
    """The module of llama.cpp's C functions, initialised. Prints nothing from here on."""
    # Read once, when llama.cpp's OpenMP is loaded. Threads that spin long at its barriers starve each other
    # as soon as another process wants a core (1 to 14 written tokens/s on a busy machine, 21 to 35 when they
    # soon sleep); threads that never spin are slow on an idle one (42 against 100). Hence a short spin.
    os.environ.setdefault("GOMP_SPINCOUNT", "300")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    import llama_cpp.llama_cpp as llama

    def receive(level: int, text: bytes, _data: object) -> None:
        if level == _ERROR and _Log.listener is not None:
            _Log.listener.lines.append(text.decode(errors="replace"))

    _Log.callback = llama.llama_log_callback(receive)
    llama.llama_log_set(_Log.callback, ctypes.c_void_p(0))
    llama.llama_backend_init()
    return llama


@cache
def state_format() -> str:
    """What a context's state depends on besides model and context: the library that lays it out."""
    import llama_cpp

    return f"llama.cpp {llama_cpp.__version__}"


def model_parameters(llama: Any) -> Any:
    """llama.cpp's default model parameters, without what makes it crash on this processor.

    Its kernels for Intel's AMX end the process when built with GCC before 12.4, which drops the tile
    configuration they store (llama.cpp #20824 and #26954). A build does not say which compiler made it, so
    that all builds with AMX compute without; weights then stay in their common layout.
    """
    parameters = llama.llama_model_default_params()
    parameters.use_extra_bufts = b"AMX_INT8 = 1" not in llama.llama_print_system_info()
    return parameters


@contextlib.contextmanager
def listening() -> Iterator[NativeErrors]:
    """Collect the errors llama.cpp logs within the block."""
    _Log.listener = errors = NativeErrors()
    try:
        yield errors
    finally:
        _Log.listener = None


class AbortSwitch:
    """A flag that llama.cpp reads between graph nodes without entering Python.

    Its abort callback is the C library's own `strlen` over a two-byte buffer: 0 (go on) while the first
    byte is 0, else 1 (abort). A Python callback would take the interpreter's lock a thousand times a token.
    """

    def __init__(self, llama: Any, context: Any) -> None:
        c_library = ctypes.cdll.msvcrt if os.name == "nt" else ctypes.CDLL(None)
        self._flag = (ctypes.c_ubyte * 2)(0, 0)
        self._callback = llama.ggml_abort_callback(ctypes.cast(c_library.strlen, ctypes.c_void_p).value)
        llama.llama_set_abort_callback(context, self._callback, ctypes.cast(self._flag, ctypes.c_void_p))

    def set(self) -> None:
        self._flag[0] = 1

    def clear(self) -> None:
        self._flag[0] = 0

    @property
    def is_set(self) -> bool:
        return bool(self._flag[0])
