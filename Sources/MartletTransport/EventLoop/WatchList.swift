#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The watches of a loop, beside the array that `poll` takes, which is kept from round to round.
///
/// Watches that go leave a gap, so that places stay what they are while handlers are called; gaps are closed
/// before the next poll.
struct WatchList {
    /// In the first place there is the wake-up descriptor.
    private var descriptors = [pollfd(fd: -1, events: Int16(POLLIN), revents: 0)]
    private var watches: [Watch?] = [nil]
    private var gaps = 0

    /// How many descriptors are watched.
    var count: Int { watches.count - 1 - gaps }

    /// One past the last place.
    var endSlot: Int { watches.count }

    mutating func insert(_ watch: Watch, _ interest: Interest) {
        watch.slot = watches.count
        watches.append(watch)
        descriptors.append(pollfd())
        update(watch, interest)
    }

    mutating func update(_ watch: Watch, _ interest: Interest) {
        var events: Int32 = 0
        if interest.contains(.read) { events |= Int32(POLLIN) }
        if interest.contains(.write) { events |= Int32(POLLOUT) }
        let old = descriptors[watch.slot]
        // `poll` passes over negative descriptors. Otherwise it would report a hang-up that nobody wants to know.
        let descriptor = interest.isEmpty ? -1 : watch.descriptor
        descriptors[watch.slot] = pollfd(fd: descriptor, events: Int16(events), revents: old.revents)
    }

    mutating func remove(_ watch: Watch) {
        watches[watch.slot] = nil
        descriptors[watch.slot] = pollfd(fd: -1, events: 0, revents: 0)
        gaps += 1
    }

    /// All watches; for the end.
    var all: [Watch] { watches.compactMap { $0 } }

    /// Waits until something is ready, or for a time in milliseconds; for ever if that is negative.
    ///
    /// - Returns: how many are ready; none as well if there was a signal.
    mutating func poll(wakeUp: CInt, timeout: CInt) -> CInt {
        closeGaps()
        descriptors[0].fd = wakeUp
        descriptors[0].revents = 0
        let ready = descriptors.withUnsafeMutableBufferPointer { descriptors in
            systemPoll(descriptors.baseAddress, nfds_t(descriptors.count), timeout)
        }
        if ready >= 0 { return ready }
        // The system has no memory for it, or allows fewer descriptors than there are: asking again at once would
        // only make it worse.
        if errno != EINTR { _ = systemPoll(nil, 0, 10) }
        return 0
    }

    private mutating func closeGaps() {
        guard gaps > 0 else { return }
        var free = 1
        for slot in 1..<watches.count {
            guard let watch = watches[slot] else { continue }
            watch.slot = free
            watches[free] = watch
            descriptors[free] = descriptors[slot]
            free += 1
        }
        watches.removeLast(watches.count - free)
        descriptors.removeLast(descriptors.count - free)
        gaps = 0
    }

    /// Whether the wake-up descriptor was written to.
    var wasWoken: Bool { descriptors[0].revents != 0 }

    /// What the last poll found in a place, once: the watch, if there is one and it is ready.
    mutating func takeReady(_ slot: Int) -> (watch: Watch, readiness: Readiness)? {
        let events = Int32(descriptors[slot].revents)
        guard events != 0, let watch = watches[slot] else { return nil }
        descriptors[slot].revents = 0
        if events & Int32(POLLNVAL) != 0 { return (watch, .vanished) }
        if events & Int32(POLLERR | POLLHUP) != 0 { return (watch, .ready([.read, .write])) }
        var ready: Interest = []
        if events & Int32(POLLIN) != 0 { ready.insert(.read) }
        if events & Int32(POLLOUT) != 0 { ready.insert(.write) }
        return (watch, .ready(ready))
    }

    enum Readiness {
        case ready(Interest)
        /// The descriptor was closed while it was watched.
        case vanished
    }
}

/// `poll` of the C library, where a method of that name hides it.
private func systemPoll(_ descriptors: UnsafeMutablePointer<pollfd>?, _ count: nfds_t, _ timeout: CInt) -> CInt {
    poll(descriptors, count, timeout)
}
