import Benchmark
import Martlet

/// A topic that four filters match, among few others and among many.
func topics() {
    for size in [100, 100_000] {
        var index = FilterIndex<Int>()
        let matching: [TopicPattern] = ["#", "hot.#", "hot.*.value", "*.*.value"]
        for (id, pattern) in matching.enumerated() { index.insert(id, id: id, for: pattern) }
        for id in matching.count..<size { index.insert(id, id: id, for: other(id)) }
        let topic = TopicName("hot.17.value")
        Benchmark.each("topic-among-\(size)-filters") { [index] _ in
            blackHole(index.forEachMatch(of: topic) { blackHole($0) })
        }
    }
    Benchmark.each("topic-validate") { _ in try TopicName("site.berlin.sensors.sonar.front").validate() }
}

/// A filter that matches none of the topics: every kind in turn.
private func other(_ index: Int) -> TopicPattern {
    switch index % 4 {
    case 0: TopicPattern("cold.\(index).*.value")
    case 1: TopicPattern("cold.*.\(index).#")
    case 2: TopicPattern("cold.\(index).value")
    default: TopicPattern("*.cold.\(index).*")
    }
}
