// Every file of the corpus: imported, compared with what ONNX Runtime computed, written and read back.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "dispart/io/json/reference.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/model/random_weights.hpp"
#include "run_model.hpp"
#include "same_model.hpp"
#include "support/corpus.hpp"

using namespace dispart;

namespace {

std::vector<std::filesystem::path> model_files() {
    std::vector<std::filesystem::path> files;
    const auto corpus = test::corpus();
    if (!corpus) {
        MESSAGE("skipped: no corpus");
        return files;
    }
    for (const auto& entry : std::filesystem::directory_iterator(*corpus / "models"))
        if (entry.path().extension() == ".onnx") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    CHECK(files.size() >= 10);
    return files;
}

model load(const std::filesystem::path& file, io::onnx_options options = {}) {
    options.evaluator = kernels::evaluate_layer;
    auto m = io::load_onnx(file, std::move(options));
    REQUIRE_MESSAGE(m.has_value(), m.error());
    return std::move(*m);
}

/// Elements that are neither within 1e-4 absolutely nor relatively.
std::size_t mismatches(const tensor& got, const tensor& wanted) {
    REQUIRE(got.dims() == wanted.dims());
    std::size_t wrong = 0;
    const auto a = got.data<float>();
    const auto b = wanted.data<float>();
    for (std::size_t i = 0; i < a.size(); ++i)
        wrong += !(std::abs(a[i] - b[i]) <= 1e-4F * std::max(1.0F, std::abs(b[i])));
    return wrong;
}

std::filesystem::path reference_of(std::filesystem::path file) { return file.replace_extension(".ref.json"); }

/// VGG19 takes minutes with the reference kernels, and the others show the same.
bool is_slow(const std::filesystem::path& file) { return file.stem() == "light_vgg19"; }

}  // namespace

TEST_CASE("every model of the corpus is imported with all shapes known") {
    for (const auto& file : model_files()) {
        CAPTURE(file);
        for (const bool simplified : {false, true}) {
            const auto m = load(file, {.simplify = simplified});
            CHECK(validate(m).has_value());
            for (const auto& t : info(m).tensors) CHECK(t.dims.has_value());
        }
    }
}

TEST_CASE("models of the corpus compute what ONNX Runtime computes") {
    for (const auto& file : model_files()) {
        if (!std::filesystem::exists(reference_of(file)) || is_slow(file)) continue;
        CAPTURE(file);
        const auto reference = io::load_reference(reference_of(file));
        REQUIRE_MESSAGE(reference.has_value(), reference.error());
        const auto m = load(file);
        REQUIRE(info(m).inputs.size() == reference->inputs.size());
        std::vector<tensor> inputs;
        for (std::size_t i = 0; i < info(m).inputs.size(); ++i) {
            CHECK(info(m).tensors[info(m).inputs[i]].name == reference->inputs[i].name);
            inputs.push_back(reference->inputs[i].value);
        }
        const auto outputs = test::run_model(m, inputs);
        REQUIRE_MESSAGE(outputs.has_value(), outputs.error());
        REQUIRE(outputs->size() == reference->outputs.size());
        for (std::size_t i = 0; i < outputs->size(); ++i) {
            CHECK(info(m).tensors[info(m).outputs[i]].name == reference->outputs[i].name);
            CHECK(mismatches((*outputs)[i], reference->outputs[i].value) == 0);
        }
    }
}

TEST_CASE("every model of the corpus comes back the same from a file of ours") {
    for (const auto& file : model_files()) {
        if (is_slow(file)) continue;
        CAPTURE(file);
        for (const bool simplified : {false, true}) {
            const auto m = load(file, {.simplify = simplified});
            const auto bytes = io::write_onnx(m);
            REQUIRE_MESSAGE(bytes.has_value(), bytes.error());
            const auto back = io::read_onnx(
                *bytes, {.evaluator = kernels::evaluate_layer, .simplify = false, .infer = simplified});
            REQUIRE_MESSAGE(back.has_value(), back.error());
            CHECK(test::difference(m, *back) == "");
        }
    }
}
