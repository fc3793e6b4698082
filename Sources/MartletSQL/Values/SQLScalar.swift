#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A type whose values are one value of a database.
protocol SQLScalar {
    /// `nil` if databases have no such value.
    var sqlValue: SQLValue? { get }
    /// `nil` if the value is none of this type.
    init?(_ value: SQLValue)
}

extension SQLScalar where Self: FixedWidthInteger {
    var sqlValue: SQLValue? { Int64(exactly: self).map(SQLValue.integer) }

    init?(_ value: SQLValue) {
        switch value {
        case .integer(let number): self.init(exactly: number)
        case .double(let number): self.init(exactly: number)
        // A decimal without a fraction: what PostgreSQL makes of the sum of large integers.
        case .text(let text): self.init(text)
        default: return nil
        }
    }
}

extension Int: SQLScalar {}
extension Int8: SQLScalar {}
extension Int16: SQLScalar {}
extension Int32: SQLScalar {}
extension Int64: SQLScalar {}
extension UInt: SQLScalar {}
extension UInt8: SQLScalar {}
extension UInt16: SQLScalar {}
extension UInt32: SQLScalar {}
extension UInt64: SQLScalar {}

extension Bool: SQLScalar {
    var sqlValue: SQLValue? { .bool(self) }

    init?(_ value: SQLValue) {
        switch value {
        case .bool(let truth): self = truth
        case .integer(0): self = false
        case .integer(1): self = true
        default: return nil
        }
    }
}

extension Double: SQLScalar {
    var sqlValue: SQLValue? { .double(self) }

    init?(_ value: SQLValue) {
        switch value {
        case .double(let number): self = number
        case .integer(let number): self.init(number)
        case .text(let text):
            guard let number = NumberText.double(of: text) else { return nil }
            self = number
        default: return nil
        }
    }
}

extension Float: SQLScalar {
    var sqlValue: SQLValue? { .double(Double(self)) }

    init?(_ value: SQLValue) {
        guard let number = Double(value) else { return nil }
        self.init(number)
        // Too large for it.
        if isInfinite, number.isFinite { return nil }
    }
}

extension String: SQLScalar {
    var sqlValue: SQLValue? { .text(self) }

    init?(_ value: SQLValue) {
        guard case .text(let text) = value else { return nil }
        self = text
    }
}

extension Array: SQLScalar where Element == UInt8 {
    var sqlValue: SQLValue? { .bytes(self) }

    init?(_ value: SQLValue) {
        guard case .bytes(let bytes) = value else { return nil }
        self = bytes
    }
}

extension Data: SQLScalar {
    var sqlValue: SQLValue? { .bytes(Array(self)) }

    init?(_ value: SQLValue) {
        guard let bytes = [UInt8](value) else { return nil }
        self.init(bytes)
    }
}

extension UUID: SQLScalar {
    var sqlValue: SQLValue? { .text(uuidString) }

    init?(_ value: SQLValue) {
        switch value {
        case .text(let text): self.init(uuidString: text)
        case .bytes(let bytes) where bytes.count == 16:
            self = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
        default: return nil
        }
    }
}

extension Decimal: SQLScalar {
    var sqlValue: SQLValue? { isFinite ? .text(description) : nil }

    init?(_ value: SQLValue) {
        switch value {
        case .integer(let number): self.init(number)
        case .double(let number):
            guard let decimal = NumberText.decimal(of: "\(number)") else { return nil }
            self = decimal
        case .text(let text):
            guard let decimal = NumberText.decimal(of: text) else { return nil }
            self = decimal
        default: return nil
        }
    }
}

extension Date: SQLScalar {
    var sqlValue: SQLValue? { DateText.text(of: self).map(SQLValue.text) }

    /// Of a number, seconds since 1970.
    init?(_ value: SQLValue) {
        switch value {
        case .text(let text):
            guard let date = DateText.date(of: text) else { return nil }
            self = date
        case .integer(let seconds): self.init(timeIntervalSince1970: Double(seconds))
        case .double(let seconds): self.init(timeIntervalSince1970: seconds)
        default: return nil
        }
    }
}
