/// ONNX's own tests (Debian: libonnx-testdata): single operators and nets converted from PyTorch, each with inputs and
/// the results that the reference implementation gives. What importer and kernels claim must be right; what they refuse
/// is counted.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dispart/io/file.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/tensor_proto.hpp"
#include "dispart/model/order.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace {

namespace fs = std::filesystem;
using namespace dispart;

fs::path data_folder() {
    const char* stated = std::getenv("DISPART_ONNX_TESTDATA");
    return stated != nullptr ? stated : "/usr/share/libonnx-testdata/data";
}

enum class verdict { passed, unsupported, skipped, failed };

struct test_result {
    verdict what = verdict::failed;
    std::string why{};
};

test_result from_error(const error& e) {
    return {e.code == errc::unsupported ? verdict::unsupported : verdict::failed, to_string(e)};
}

/// Runs a model layer by layer on operands whose shapes may differ from what the file says.
result<std::vector<tensor>> run(const model& m, const std::vector<tensor>& inputs) {
    const auto& all = info(m);
    std::vector<tensor> values(all.tensors.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = all.tensors[i].value;
    for (std::size_t i = 0; i < inputs.size(); ++i) values[all.inputs[i]] = inputs[i];
    DISPART_TRY(const auto order, topological_order(m));
    for (const auto v : order) {
        std::vector<tensor> operands;
        for (const auto id : m[v].inputs) operands.push_back(id == no_id ? tensor{} : values[id]);
        DISPART_TRY(auto results, kernels::evaluate_layer(m[v], operands, all.opset));
        for (std::size_t i = 0; i < m[v].outputs.size(); ++i)
            if (m[v].outputs[i] != no_id) values[m[v].outputs[i]] = std::move(results[i]);
    }
    std::vector<tensor> outputs;
    for (const auto id : all.outputs) outputs.push_back(values[id]);
    return outputs;
}

/// input_0.pb, input_1.pb, ... of one data set.
result<std::vector<tensor>> read_tensors(const fs::path& folder, const std::string& prefix) {
    std::vector<tensor> list;
    for (;;) {
        const auto path = folder / (prefix + std::to_string(list.size()) + ".pb");
        if (!fs::exists(path)) return list;
        DISPART_TRY(const auto bytes, io::read_file(path));
        auto read = io::read_tensor_proto(bytes);
        if (!read) return tl::unexpected<error>(read.error());
        list.push_back(std::move(read->value));
    }
}

/// ONNX stores bfloat16 vectors as uint16: such a tensor with the type that the model says.
tensor retyped(const tensor& t, dtype type) {
    if (t.type() != dtype::u16 || type != dtype::bf16) return t;
    tensor same(type, t.dims());
    std::memcpy(same.bytes().data(), t.bytes().data(), t.size_bytes());
    return same;
}

/// As doubles, whatever the element type.
std::vector<double> as_doubles(const tensor& t) {
    const layer conversion{"conversion", "Cast", {}, {}, {{"to", onnx_number(dtype::f64)}}};
    const auto converted = kernels::evaluate_layer(conversion, std::vector{t}, 13);
    REQUIRE(converted.has_value());
    const auto data = (*converted)[0].data<double>();
    return {data.begin(), data.end()};
}

/// NumPy's assert_allclose with ONNX's tolerances.
std::string difference(const tensor& got, const tensor& expected) {
    if (got.type() != expected.type() || got.dims() != expected.dims())
        return std::string(to_string(got.type())) + to_string(got.dims()) + " instead of " +
               std::string(to_string(expected.type())) + to_string(expected.dims());
    // bfloat16 vectors were made by truncation; rounding differs by a unit in the last of 8 bits.
    const double relative = got.type() == dtype::bf16 ? 1.0 / 128.0 : 1e-3;
    const auto a = as_doubles(got);
    const auto b = as_doubles(expected);
    for (std::size_t i = 0; i < a.size(); ++i) {
        const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
        if (!same && !(std::abs(a[i] - b[i]) <= 1e-7 + relative * std::abs(b[i])))
            return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + " instead of " +
                   std::to_string(b[i]);
    }
    return {};
}

test_result run_data_set(const model& m, const fs::path& folder) {
    auto inputs = read_tensors(folder, "input_");
    const auto expected = read_tensors(folder, "output_");
    if (!inputs) return from_error(inputs.error());
    if (!expected) return from_error(expected.error());
    if (inputs->size() != info(m).inputs.size()) return {verdict::failed, "another number of inputs"};
    for (std::size_t i = 0; i < inputs->size(); ++i)
        (*inputs)[i] = retyped((*inputs)[i], info(m).tensors[info(m).inputs[i]].type);
    const auto got = run(m, *inputs);
    if (!got) return from_error(got.error());
    if (got->size() != expected->size()) return {verdict::failed, "another number of outputs"};
    for (std::size_t i = 0; i < got->size(); ++i)
        if (auto text = difference((*got)[i], retyped((*expected)[i], (*got)[i].type())); !text.empty())
            return {verdict::failed, "output " + std::to_string(i) + ": " + text};
    return {verdict::passed};
}

test_result run_test(const fs::path& folder) {
    const auto name = folder.filename().string();
    // Their results are random numbers of NumPy's generator.
    if (name.starts_with("test_bernoulli") ||
        (name.starts_with("test_training_dropout") && name.find("zero") == name.npos))
        return {verdict::skipped};
    const auto bytes = io::read_file(folder / "model.onnx");
    if (!bytes) return from_error(bytes.error());
    const auto m =
        io::read_onnx(*bytes, {.evaluator = kernels::evaluate_layer, .simplify = false, .infer = false});
    if (!m) return from_error(m.error());
    bool ran = false;
    for (const auto& set : fs::directory_iterator(folder)) {
        if (!set.is_directory()) continue;
        if (auto got = run_data_set(*m, set.path()); got.what != verdict::passed) return got;
        ran = true;
    }
    return {ran ? verdict::passed : verdict::failed, "no data"};
}

std::map<verdict, int> run_suite(const std::string& suite) {
    std::set<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(data_folder() / suite))
        if (fs::exists(entry.path() / "model.onnx")) folders.insert(entry.path());
    std::map<verdict, int> count;
    const bool verbose = std::getenv("DISPART_VERBOSE") != nullptr;
    for (const auto& folder : folders) {
        const auto got = run_test(folder);
        ++count[got.what];
        const auto text = folder.filename().string() + ": " + got.why;
        if (got.what == verdict::failed) FAIL_CHECK(text);
        if (verbose && got.what == verdict::unsupported) MESSAGE(text);
    }
    MESSAGE(suite << ": " << folders.size() << " tests, " << count[verdict::passed] << " passed, "
                  << count[verdict::unsupported] << " unsupported, " << count[verdict::skipped]
                  << " skipped (random results), " << count[verdict::failed] << " failed");
    return count;
}

void check_suite(const std::string& suite, int at_least) {
    if (!fs::is_directory(data_folder() / suite)) {
        MESSAGE("skipped: no " << data_folder().string() << " (Debian package libonnx-testdata)");
        return;
    }
    auto count = run_suite(suite);
    CHECK(count[verdict::failed] == 0);
    CHECK(count[verdict::passed] >= at_least);
}

}  // namespace

TEST_CASE("ONNX's node tests") { check_suite("node", 867); }
TEST_CASE("ONNX's nets converted from PyTorch") { check_suite("pytorch-converted", 82); }
TEST_CASE("ONNX's operators exported by PyTorch") { check_suite("pytorch-operator", 35); }
TEST_CASE("ONNX's simple models") { check_suite("simple", 14); }
