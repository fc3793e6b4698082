#pragma once

/// How often the process has asked for memory so far, on all its threads. Always 0 where the C library is not glibc.
long allocation_count(void);
