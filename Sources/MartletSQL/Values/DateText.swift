#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Dates as databases write them: `2026-03-01 09:30:00.250000+00:00`.
///
/// Both PostgreSQL and SQLite read that, and its order as text is its order in time. A `Date` is finer than a microsecond only
/// in fractions that come from its being a double, so it is rounded to one.
enum DateText {
    /// The seconds from 1970 to 2001, from which a `Date` counts.
    private static let between: Int64 = 978_307_200
    private static let million: Int64 = 1_000_000
    private static let day: Int64 = 86_400

    /// `nil` outside the years 1 to 9999.
    static func text(of date: Date) -> String? {
        // Far away a double has no room for the seconds in millionths, but for both parts by themselves.
        let whole = date.timeIntervalSinceReferenceDate.rounded(.down)
        guard whole.magnitude < 1e12 else { return nil }
        let microseconds = Int64(((date.timeIntervalSinceReferenceDate - whole) * 1e6).rounded())
        let (carry, fraction) = floored(microseconds, million)
        let seconds = Int64(whole) + between + carry
        let (days, time) = floored(seconds, day)
        let (year, month, dayOfMonth) = civil(days)
        guard (1...9_999).contains(year) else { return nil }
        let clock = [time / 3_600, time / 60 % 60, time % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2)) \(clock).\(padded(fraction, 6))+00:00"
    }

    /// Reads `2026-03-01`, with or without a time of day, its fraction and its distance from UTC; without that it is UTC.
    static func date(of text: String) -> Date? {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(4...6), reader.take("-"), let month = reader.number(2...2, 1...12),
            reader.take("-"),
            let dayOfMonth = reader.number(2...2, 1...31)
        else { return nil }
        var seconds = days(year, month, dayOfMonth) * day - between
        var microseconds: Int64 = 0
        if reader.take(" ") || reader.take("T") {
            guard let hour = reader.number(2...2, 0...24), reader.take(":"), let minute = reader.number(2...2, 0...59)
            else {
                return nil
            }
            seconds += hour * 3_600 + minute * 60
            if reader.take(":") {
                guard let second = reader.number(2...2, 0...60) else { return nil }
                seconds += second
                if reader.take(".") {
                    guard let fraction = reader.microseconds() else { return nil }
                    microseconds = fraction
                }
            }
            guard let offset = reader.offset() else { return nil }
            seconds -= offset
        }
        guard reader.isAtEnd else { return nil }
        let total = seconds * million + microseconds
        let isExact = total.magnitude <= 1 << 53
        return Date(
            timeIntervalSinceReferenceDate: isExact ? Double(total) / 1e6 : Double(seconds) + Double(microseconds) / 1e6
        )
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floored(_ number: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let rest = number % divisor
        return rest < 0 ? (number / divisor - 1, rest + divisor) : (number / divisor, rest)
    }

    /// The days from 1970 to a day of the Gregorian calendar. Years are counted from March, so that the leap day is the last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let (era, yearOfEra) = floored(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, day)
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func digits(_ limit: Int) -> [Int64] {
            let digits = bytes[position...].prefix(limit).prefix { (48...57).contains($0) }
            position += digits.count
            return digits.map { Int64($0) - 48 }
        }

        mutating func number(_ width: ClosedRange<Int>, _ range: ClosedRange<Int64> = 0...999_999) -> Int64? {
            let digits = digits(width.upperBound)
            let number = digits.reduce(0) { $0 * 10 + $1 }
            return digits.count >= width.lowerBound && range.contains(number) ? number : nil
        }

        /// Any number of decimals, rounded.
        mutating func microseconds() -> Int64? {
            let digits = digits(.max)
            guard !digits.isEmpty else { return nil }
            let six = (digits + Array(repeating: 0, count: 6)).prefix(6).reduce(0) { $0 * 10 + $1 }
            return six + (digits.count > 6 && digits[6] >= 5 ? 1 : 0)
        }

        /// Seconds east of UTC.
        mutating func offset() -> Int64? {
            if isAtEnd || take("Z") { return 0 }
            let isWest = take("-")
            guard isWest || take("+"), let hours = number(2...2) else { return nil }
            var offset = hours * 3_600
            for unit: Int64 in [60, 1] {
                let hasColon = take(":")
                guard let part = number(2...2) else {
                    if hasColon { return nil }
                    break
                }
                offset += part * unit
            }
            return isWest ? -offset : offset
        }
    }
}
