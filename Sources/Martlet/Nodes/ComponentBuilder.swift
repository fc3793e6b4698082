/// Makes a list of components of what stands in a node's or a group's braces: components one a line, `if`, `switch`,
/// `for`, and arrays of components.
@resultBuilder
public enum ComponentBuilder {
    /// One component.
    public static func buildExpression(_ component: some Component) -> [any Component] { [component] }
    /// Components that were made elsewhere.
    public static func buildExpression(_ components: [any Component]) -> [any Component] { components }
    /// One after the other.
    public static func buildBlock(_ parts: [any Component]...) -> [any Component] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [any Component]?) -> [any Component] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [any Component]) -> [any Component] { part }
    /// The other branch.
    public static func buildEither(second part: [any Component]) -> [any Component] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[any Component]]) -> [any Component] { parts.flatMap { $0 } }
    /// An `if #available`.
    public static func buildLimitedAvailability(_ part: [any Component]) -> [any Component] { part }
}
