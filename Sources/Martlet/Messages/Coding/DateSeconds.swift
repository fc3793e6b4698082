/// A date as documents have it: seconds since 1970.
///
/// A `Date` counts from 2001. The sum with what lies between has one binary digit too few to keep it, so none of this goes
/// through a `Double` of that sum: the decimals, or whole seconds and what they lack, are exact, and rounded once.
struct DateSeconds {
    /// Seconds since 2001: that of the `Date`.
    let reference: Double

    /// The seconds from 1970 to 2001.
    private static let between: Int64 = 978_307_200

    init(reference: Double) {
        self.reference = reference
    }

    // MARK: Decimals

    /// The fewest decimals from which the same date comes back. It has to be finite.
    var decimals: String {
        if let (number, places) = fewPlaces {
            return ExactDecimal(Int128(number) + Int128(Self.between) * Self.powers[places], places: places).text
        }
        guard var exact = ExactDecimal(reference) else { return "0" }
        exact.add(Self.between)
        // What has a fraction has the fewest digits already. Far away seconds themselves are more than can be told apart.
        for count in 1..<max(1, min(20, exact.wholeDigits)) where reference.magnitude >= 0x1p53 {
            let fewer = exact.rounded(to: count)
            if DateSeconds(fewer)?.reference == reference { return fewer.text }
        }
        return exact.text
    }

    /// The date, if so few decimal places say it that all of them are exact.
    private var fewPlaces: (number: Int64, places: Int)? {
        let whole = reference.rounded(.down)
        let fraction = reference - whole
        var power = 1.0
        for places in 0...9 {
            let number = whole * power + (fraction * power).rounded()
            guard number.magnitude <= 0x1p53 else { return nil }
            if number / power == reference { return (Int64(number), places) }
            power *= 10
        }
        return nil
    }

    /// The date that decimals say, at a place where JSON's grammar of a number has been found; `nil` if there is none.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        if let date = Self(few: bytes, range) {
            self = date
        } else if let exact = ExactDecimal(bytes, range) {
            self.init(exact)
        } else if let number = JSONNumber(bytes, range).double() {
            self.init(seconds: number)
        } else {
            return nil
        }
    }

    private init?(_ exact: ExactDecimal) {
        var exact = exact
        exact.add(-Self.between)
        guard let reference = exact.double else { return nil }
        self.init(reference: reference)
    }

    /// The date that up to 18 digits without an exponent say.
    private init?(few bytes: [UInt8], _ range: Range<Int>) {
        guard range.count <= 18 else { return nil }
        var number: Int64 = 0
        var places: Int?
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        for byte in bytes[isNegative ? range.dropFirst() : range] {
            switch byte {
            case UInt8(ascii: "."):
                places = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                number = number * 10 + Int64(byte - UInt8(ascii: "0"))
                places = places.map { $0 + 1 }
            default:
                return nil
            }
        }
        self.init(Int128(isNegative ? -number : number), places: places ?? 0)
    }

    /// The date of a number of seconds in units of a power of ten.
    private init?(_ number: Int128, places: Int) {
        let number = number - Int128(Self.between) * Self.powers[places]
        if number.magnitude <= 1 << 53 {
            // Both are exact, and so the quotient is the nearest.
            reference = Double(number) / Double(Self.powers[places])
        } else if let nearest = ExactDecimal(number, places: places).double {
            reference = nearest
        } else {
            return nil
        }
    }

    private static let powers: [Int128] = (0...18).map { (0..<$0).reduce(1) { power, _ in power * 10 } }

    // MARK: Numbers

    /// The seconds as one number, if the same date comes back from it.
    var seconds: Double? {
        let seconds = reference + Double(Self.between)
        return reference.isFinite && DateSeconds(seconds: seconds).reference != reference ? nil : seconds
    }

    init(seconds: Double) {
        self.init(reference: seconds - Double(Self.between))
    }

    init(seconds: Int128) {
        self.init(reference: Double(seconds - Int128(Self.between)))
    }

    // MARK: Times of MessagePack

    /// Whole seconds and the nanoseconds after them.
    struct Time {
        let seconds: Int64
        let nanoseconds: UInt32

        /// The seconds in decimals.
        var decimals: String {
            ExactDecimal(Int128(seconds) * 1_000_000_000 + Int128(nanoseconds), places: 9).text
        }
    }

    /// The time, if the same date comes back from it.
    var time: Time? {
        var whole = reference.rounded(.down)
        var nanoseconds = ((reference - whole) * 1e9).rounded()
        if nanoseconds == 1e9 { (whole, nanoseconds) = (whole + 1, 0) }
        guard whole.magnitude < 0x1p62 else { return nil }
        let time = Time(seconds: Int64(whole) + Self.between, nanoseconds: UInt32(nanoseconds))
        return DateSeconds(time).reference == reference ? time : nil
    }

    init(_ time: Time) {
        let number = Int128(time.seconds) * 1_000_000_000 + Int128(time.nanoseconds)
        self = DateSeconds(number, places: 9) ?? DateSeconds(seconds: Int128(time.seconds))
    }
}
