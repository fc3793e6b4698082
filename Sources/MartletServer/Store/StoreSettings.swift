package import Martlet

/// What tests set otherwise.
package struct StoreSettings: Sendable {
    package var disk = StoreDisk.system
    package var reserveBytes = 4 << 20
    package var compactionBytes = 16 << 20
    /// The time of day, in nanoseconds since 1970.
    package var wall: @Sendable () -> Int64 = { WallClock.nanoseconds }

    package init() {}
}
