#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Document {
    /// A time in seconds since 1970: a number, or one of MessagePack's times.
    func seconds(at node: Int) -> Double? {
        guard kind(of: node) == .timestamp else { return double(at: node) }
        let start = range(of: node).lowerBound
        switch self[node].count {
        case 4:
            return Double(bigEndian(start..<start + 4))
        case 8:
            let bits = bigEndian(start..<start + 8)
            return Double(bits & 0x3_FFFF_FFFF) + Double(bits >> 34) / 1e9
        case 12:
            let seconds = Int64(bitPattern: bigEndian(start + 4..<start + 12))
            return Double(seconds) + Double(bigEndian(start..<start + 4)) / 1e9
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
