import Foundation

/// How many of something a test does that is after rare races: fewer where each costs more, under a sanitizer.
func flood(_ count: Int) -> Int {
    guard let limit = ProcessInfo.processInfo.environment["MARTLET_FLOOD"].flatMap(Int.init) else { return count }
    return min(count, limit)
}
