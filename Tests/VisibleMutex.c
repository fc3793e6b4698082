// Makes Swift's Mutex visible to ThreadSanitizer on Linux.
//
// A Mutex that nobody else holds is locked by instrumented code. For one that is taken, the standard library waits in the
// kernel, where ThreadSanitizer sees no order between one holder and the next: it then reports races that are none. This
// library is preloaded into the tests, takes the place of those three functions, and tells what they do. It adds no order
// but the one that the lock really gives, so that a race that is one is still found.
//
// The names are private to the standard library. Should they change, the false reports come back; nothing else happens.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// Absent in the processes around the tests, which are not instrumented.
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT_CALL void lock(uint32_t thread, SWIFT_SELF void *mutex) __asm__(LOCK);
SWIFT_CALL bool try_lock(SWIFT_SELF void *mutex) __asm__(TRY_LOCK);
SWIFT_CALL void unlock(SWIFT_SELF void *mutex) __asm__(UNLOCK);

static __typeof__(&lock) real_lock;
static __typeof__(&try_lock) real_try_lock;
static __typeof__(&unlock) real_unlock;

__attribute__((constructor)) static void find_real_functions(void) {
    real_lock = (__typeof__(real_lock))dlsym(RTLD_NEXT, LOCK);
    real_try_lock = (__typeof__(real_try_lock))dlsym(RTLD_NEXT, TRY_LOCK);
    real_unlock = (__typeof__(real_unlock))dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT_CALL void lock(uint32_t thread, SWIFT_SELF void *mutex) {
    real_lock(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT_CALL bool try_lock(SWIFT_SELF void *mutex) {
    bool locked = real_try_lock(mutex);
    if (locked && __tsan_acquire) __tsan_acquire(mutex);
    return locked;
}

SWIFT_CALL void unlock(SWIFT_SELF void *mutex) {
    if (__tsan_release) __tsan_release(mutex);
    real_unlock(mutex);
}
