/// The words that the connection sends often, as they are on the wire.
enum Command {
    static let publish = Array("PUBLISH".utf8)
    static let rpush = Array("RPUSH".utf8)
    static let llen = Array("LLEN".utf8)
    static let lpos = Array("LPOS".utf8)
    static let rank = Array("RANK".utf8)
    static let lrem = Array("LREM".utf8)
    static let exists = Array("EXISTS".utf8)
    static let pexpire = Array("PEXPIRE".utf8)
    static let blmove = Array("BLMOVE".utf8)
    static let left = Array("LEFT".utf8)
    static let right = Array("RIGHT".utf8)
    static let eval = Array("EVAL".utf8)
    static let zrem = Array("ZREM".utf8)
    static let zero = Array("0".utf8)
    static let first = Array("1".utf8)
    static let last = Array("-1".utf8)
}
