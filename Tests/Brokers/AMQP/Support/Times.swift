import Foundation

/// How often something is done that is after rare races: `MARTLET_TIMES` times as often, if that is set.
func times(_ count: Int) -> Int {
    count * (ProcessInfo.processInfo.environment["MARTLET_TIMES"].flatMap(Int.init) ?? 1)
}
