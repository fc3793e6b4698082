/// The rules of a broker that nobody has programmed: everything is done as asked.
public struct StandardHandler: BrokerHandler {
    /// The standard rules.
    public init() {}
}
