// Any bytes, read as each kind of JSON file that holds a problem, a load or a reference: an error with a message, or a
// value that its validator accepts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/io/json/instance.hpp"
#include "dispart/io/json/load.hpp"
#include "dispart/io/json/pipeedge.hpp"
#include "dispart/io/json/reference.hpp"
#include "dispart/io/json/task_graph.hpp"

namespace {

using namespace dispart;

void expect(bool holds) {
    if (!holds) std::abort();
}

template <class Result>
bool told(const Result& outcome) {
    if (outcome) return true;
    expect(!outcome.error().message.empty());
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto read = io::read_dnn_partitioning(text, "fuzz", {.most_devices = 200}); told(read)) {
        expect(validate(read->problem).has_value());
        expect(read->layer_ids.size() == read->problem.layer_class.size());
    }
    const auto document = io::parse_json(text);
    if (!told(document)) return 0;
    if (const auto read = io::instance_from_json(*document); told(read))
        expect(validate(read->problem).has_value());
    if (const auto read = io::chain_from_json(*document); told(read))
        expect(validate(read->problem).has_value());
    if (const auto read = io::task_graph_from_json(*document); told(read))
        expect(read->tables().seconds.size() == read->tables().tasks * read->tables().devices);
    static const auto two_tasks = schedule_problem::make({.tasks = 2,
                                                          .devices = 2,
                                                          .seconds = {1, 2, 3, 4},
                                                          .dependencies = {{0, 1, 1}},
                                                          .latency = {0, 1, 1, 0},
                                                          .seconds_per_byte = {0, 1, 1, 0}})
                                      .value();
    if (const auto read = io::schedule_from_json(two_tasks, *document); told(read))
        expect(read->tasks.size() == 2 && read->tasks[1].device < 2);
    told(io::load_from_json(*document));
    told(io::faults_from_json(*document, {"a", "b"}, {"a -> b", "b -> a", "a -> b"}));
    told(io::reference_from_json(*document, "/nowhere"));
    return 0;
}
