#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Document {
    /// A date: a number of seconds since 1970, or one of the other forms that MessagePack's dates have.
    func date(at node: Int) -> Date? {
        dateSeconds(at: node).map { Date(timeIntervalSinceReferenceDate: $0.reference) }
    }

    private func dateSeconds(at node: Int) -> DateSeconds? {
        switch kind(of: node) {
        case .integerText, .numberText:
            return DateSeconds(bytes, range(of: node))
        case .signed, .unsigned:
            return integer(at: node, as: Int128.self).map { DateSeconds(seconds: $0) }
        case .wordText, .float:
            return double(at: node).map { DateSeconds(seconds: $0) }
        case .timestamp:
            return time(at: node).map { DateSeconds($0) }
        case .string where format == .messagePack:
            return (try? Document(Array(bytes[range(of: node)]), format: .json))?.dateSeconds(at: 0)
        default:
            return nil
        }
    }

    /// One of MessagePack's times, in one of its three sizes.
    func time(at node: Int) -> DateSeconds.Time? {
        guard kind(of: node) == .timestamp else { return nil }
        let range = range(of: node)
        switch range.count {
        case 4:
            return DateSeconds.Time(seconds: Int64(bigEndian(range)), nanoseconds: 0)
        case 8:
            let bits = bigEndian(range)
            return DateSeconds.Time(
                seconds: Int64(bits & 0x3_FFFF_FFFF),
                nanoseconds: UInt32(truncatingIfNeeded: bits >> 34)
            )
        case 12:
            let start = range.lowerBound
            return DateSeconds.Time(
                seconds: Int64(bitPattern: bigEndian(start + 4..<start + 12)),
                nanoseconds: UInt32(truncatingIfNeeded: bigEndian(start..<start + 4))
            )
        default:
            return nil
        }
    }

    /// A decimal, with all its digits where the document has them as text.
    func decimal(at node: Int) -> Decimal? {
        switch kind(of: node) {
        case .integerText, .numberText: Decimal(string: text(of: node))
        case .unsigned: integer(at: node, as: UInt64.self).map { Decimal($0) }
        case .signed: integer(at: node, as: Int64.self).map { Decimal($0) }
        case .float: double(at: node).flatMap { $0.isFinite ? Decimal(string: $0.description) : nil }
        default: nil
        }
    }
}
