#pragma once
// What every backend must do, whatever computes: run over each of them by its own test.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/model/extract.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace dispart::test::backends {

inline tensor random_tensor(random_source& random, shape dims, double low = -1.0, double high = 1.0) {
    tensor made(dtype::f32, std::move(dims));
    for (auto& v : made.data<float>()) v = static_cast<float>(random.uniform(low, high));
    return made;
}

inline std::vector<tensor> random_inputs(const model& m, std::uint64_t seed) {
    random_source random(seed);
    std::vector<tensor> list;
    for (const auto t : info(m).inputs) list.push_back(random_tensor(random, *info(m).tensors[t].dims));
    return list;
}

/// Layer by layer with the general kernels.
inline std::vector<tensor> reference(const model& m, const std::vector<tensor>& inputs) {
    const auto& all = info(m);
    std::vector<tensor> values(all.tensors.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = all.tensors[i].value;
    for (std::size_t i = 0; i < inputs.size(); ++i) values[all.inputs[i]] = inputs[i];
    const auto order = topological_order(m);
    REQUIRE(order.has_value());
    for (const auto v : *order) {
        std::vector<tensor> operands;
        for (const auto id : m[v].inputs) operands.push_back(id == no_id ? tensor{} : values[id]);
        auto results = kernels::evaluate_layer(m[v], operands, all.opset);
        REQUIRE_MESSAGE(results.has_value(), results.error());
        for (std::size_t i = 0; i < m[v].outputs.size(); ++i)
            if (m[v].outputs[i] != no_id) values[m[v].outputs[i]] = (*results)[i];
    }
    std::vector<tensor> outputs;
    for (const auto id : all.outputs) outputs.push_back(values[id]);
    return outputs;
}

template <backend Backend>
auto load(const Backend& on, const model& m) {
    auto loaded = on.load(m);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error());
    return std::move(*loaded);
}

template <executable Executable>
std::vector<tensor> run(Executable& e, const std::vector<tensor>& inputs) {
    auto outputs = e.run(inputs);
    REQUIRE_MESSAGE(outputs.has_value(), outputs.error());
    return std::move(*outputs);
}

/// Largest |a - b| beyond 1e-4 |b|.
inline void check_close(const std::vector<tensor>& got, const std::vector<tensor>& expected) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(got[i].type() == expected[i].type());
        REQUIRE(got[i].dims() == expected[i].dims());
        if (got[i].type() != dtype::f32) {
            CHECK(std::memcmp(got[i].bytes().data(), expected[i].bytes().data(), got[i].size_bytes()) == 0);
            continue;
        }
        const auto a = got[i].data<float>();
        const auto b = expected[i].data<float>();
        float worst = 0.0F;
        for (std::size_t k = 0; k < a.size(); ++k)
            worst = std::max(worst, std::abs(a[k] - b[k]) - 1e-4F * std::abs(b[k]));
        CHECK(worst <= 1e-4F);
    }
}

inline bool same_bits(const std::vector<tensor>& a, const std::vector<tensor>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].dims() != b[i].dims() ||
            std::memcmp(a[i].bytes().data(), b[i].bytes().data(), a[i].size_bytes()) != 0)
            return false;
    return true;
}

/// Runs a model cut into stages of the given numbers of layers (in topological order), tensors by their names.
template <backend Backend>
std::vector<tensor> run_in_stages(const Backend& on, const model& m, const std::vector<tensor>& inputs,
                                  std::size_t stages) {
    const auto order = topological_order(m);
    REQUIRE(order.has_value());
    std::vector<tensor> values(info(m).tensors.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) values[info(m).inputs[i]] = inputs[i];
    for (std::size_t s = 0; s < stages; ++s) {
        const auto first = order->begin() + static_cast<std::ptrdiff_t>(s * order->size() / stages);
        const auto last = order->begin() + static_cast<std::ptrdiff_t>((s + 1) * order->size() / stages);
        const auto part = extract(m, std::vector<layer_id>(first, last));
        REQUIRE(part.has_value());
        auto loaded = load(on, part->graph);
        std::vector<tensor> in;
        for (const auto t : info(part->graph).inputs) in.push_back(values[part->tensors[t]]);
        const auto out = run(loaded, in);
        for (std::size_t i = 0; i < out.size(); ++i)
            values[part->tensors[info(part->graph).outputs[i]]] = out[i];
    }
    std::vector<tensor> outputs;
    for (const auto t : info(m).outputs) outputs.push_back(values[t]);
    return outputs;
}

/// A random net over images: what the backend fuses, keeps channels-last or leaves to general kernels, in any order.
class random_net {
  public:
    explicit random_net(std::uint64_t seed) : random_(seed), builder_("random " + std::to_string(seed)) {
        values_.push_back(builder_.input("image", {random_.integer(1, 2), random_.integer(1, 9),
                                                   random_.integer(4, 9), random_.integer(4, 9)}));
        const auto layers = random_.integer(3, 14);
        for (std::int64_t i = 0; i < layers; ++i) add_layer();
        finish();
    }
    model build() {
        auto made = std::move(builder_).build(kernels::evaluate_layer);
        REQUIRE_MESSAGE(made.has_value(), made.error());
        return std::move(*made);
    }

  private:
    using list = std::vector<std::int64_t>;

    tensor_id weight(shape dims, double low = -0.6, double high = 0.6) {
        return builder_.constant("w" + std::to_string(constants_++),
                                 random_tensor(random_, std::move(dims), low, high));
    }
    tensor_id any() {
        return values_[values_.size() - 1 - random_.index(std::min<std::size_t>(values_.size(), 3))];
    }

    void conv(tensor_id x) {
        const auto d = builder_.dims(x);
        const bool depthwise = random_.chance(0.3);
        const auto group = depthwise ? d[1] : d[1] % 2 == 0 && random_.chance(0.2) ? 2 : 1;
        const auto maps = depthwise ? d[1] : group * random_.integer(1, 10);
        const auto kernel = std::min<std::int64_t>(random_.integer(1, 3), std::min(d[2], d[3]));
        std::vector<tensor_id> in{x, weight({maps, d[1] / group, kernel, kernel})};
        if (random_.chance(0.6)) in.push_back(weight({maps}));
        const auto pad = random_.integer(0, kernel - 1);
        const auto stride = random_.chance(0.2) ? std::int64_t{2} : std::int64_t{1};
        values_.push_back(builder_.add("Conv", in,
                                       {.attrs = {{"group", group},
                                                  {"pads", list{pad, pad, pad, pad}},
                                                  {"strides", list{stride, stride}}}}));
    }
    void pool(tensor_id x) {
        const auto d = builder_.dims(x);
        const auto kernel = std::min<std::int64_t>(2, std::min(d[2], d[3]));
        values_.push_back(builder_.add(random_.chance(0.5) ? "MaxPool" : "AveragePool", {x},
                                       {.attrs = {{"kernel_shape", list{kernel, kernel}},
                                                  {"ceil_mode", random_.integer(0, 1)},
                                                  {"strides", list{random_.integer(1, 2), 1}}}}));
    }
    void activation(tensor_id x) {
        static const std::vector<std::string> ops{"Relu",      "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid",
                                                  "HardSwish", "Elu",     "Selu", "Softplus",  "Abs",
                                                  "Neg",       "Erf",     "Exp",  "Identity"};
        values_.push_back(builder_.add(ops[random_.index(ops.size())], {x}));
    }
    void clip(tensor_id x) {
        values_.push_back(builder_.add("Clip", {x, weight({}, -1.0, 0.0), weight({}, 0.0, 1.0)}));
    }
    void silu(tensor_id x) { values_.push_back(builder_.add("Mul", {x, builder_.add("Sigmoid", {x})})); }
    void with_constant(tensor_id x) {
        static const std::vector<std::string> ops{"Add", "Sub", "Mul", "Div"};
        const auto d = builder_.dims(x);
        const std::vector<shape> shapes{{}, {d[1], 1, 1}, {1, d[1], 1, 1}, {d[3]}, {d[2], 1}, d};
        const auto w = weight(shapes[random_.index(shapes.size())], 0.5, 1.5);
        const bool first = random_.chance(0.5);
        values_.push_back(builder_.add(ops[random_.index(4)], {first ? x : w, first ? w : x}));
    }
    void with_other(tensor_id x) {
        const auto same = [&](tensor_id t) { return builder_.dims(t) == builder_.dims(x); };
        std::vector<tensor_id> fit;
        std::copy_if(values_.begin(), values_.end(), std::back_inserter(fit), same);
        values_.push_back(
            builder_.add(random_.chance(0.7) ? "Add" : "Mul", {x, fit[random_.index(fit.size())]}));
    }
    void batch_norm(tensor_id x) {
        const auto channels = builder_.dims(x)[1];
        values_.push_back(
            builder_.add("BatchNormalization", {x, weight({channels}, 0.5, 1.0), weight({channels}),
                                                weight({channels}), weight({channels}, 0.5, 1.0)}));
    }
    void concat(tensor_id x) {
        std::vector<tensor_id> parts{x};
        for (const auto t : values_) {
            auto d = builder_.dims(t);
            d[1] = builder_.dims(x)[1];
            if (d == builder_.dims(x) && parts.size() < 3 && random_.chance(0.5)) parts.push_back(t);
        }
        values_.push_back(builder_.add("Concat", parts, {.attrs = {{"axis", std::int64_t{1}}}}));
    }
    void squeeze_and_excite(tensor_id x) {
        const auto channels = builder_.dims(x)[1];
        auto gate = builder_.add("GlobalAveragePool", {x});
        gate = builder_.add("Conv", {gate, weight({channels, channels, 1, 1})});
        values_.push_back(builder_.add("Mul", {x, builder_.add("HardSigmoid", {gate})}));
    }
    void shuffle(tensor_id x) {
        const auto d = builder_.dims(x);
        const auto turned = builder_.add("Transpose", {x}, {.attrs = {{"perm", list{0, 2, 3, 1}}}});
        const auto active = builder_.add("Relu", {turned});
        values_.push_back(builder_.add("Transpose", {active}, {.attrs = {{"perm", list{0, 3, 1, 2}}}}));
    }
    void pad(tensor_id x) {
        const auto pads = builder_.constant("p" + std::to_string(constants_++),
                                            tensor::of<std::int64_t>({8}, list{0, 0, 1, 0, 0, 0, 0, 1}));
        values_.push_back(builder_.add("Pad", {x, pads}));
    }
    void add_layer() {
        using step = void (random_net::*)(tensor_id);
        static constexpr std::array<step, 16> steps{&random_net::conv,       &random_net::conv,
                                                    &random_net::conv,       &random_net::conv,
                                                    &random_net::activation, &random_net::activation,
                                                    &random_net::clip,       &random_net::silu,
                                                    &random_net::pool,       &random_net::with_constant,
                                                    &random_net::concat,     &random_net::with_other,
                                                    &random_net::with_other, &random_net::batch_norm,
                                                    &random_net::pad,        &random_net::squeeze_and_excite};
        if (random_.chance(0.05)) return shuffle(any());
        (this->*steps[random_.index(steps.size())])(any());
    }
    /// Dense layers behind the last image; some images are outputs too.
    void finish() {
        const auto last = values_.back();
        const auto d = builder_.dims(last);
        const auto flat = builder_.add("Flatten", {last});
        const auto columns = random_.integer(1, 20);
        auto y = builder_.add("Gemm", {flat, weight({columns, d[1] * d[2] * d[3]}), weight({columns})},
                              {.attrs = {{"transB", std::int64_t{1}}, {"alpha", 0.3F}}});
        if (random_.chance(0.5)) y = builder_.add("Relu", {y});
        y = builder_.add("MatMul", {y, weight({columns, 7})});
        if (random_.chance(0.5)) y = builder_.add("Add", {y, weight({7})});
        if (random_.chance(0.5)) y = builder_.add("LayerNormalization", {y, weight({7}), weight({7})});
        builder_.output(random_.chance(0.5) ? builder_.add("Softmax", {y}) : y);
        for (const auto t : values_)
            if (t != values_.front() && random_.chance(0.15)) builder_.output(t);
    }

    random_source random_;
    model_builder builder_;
    std::vector<tensor_id> values_{};
    int constants_ = 0;
};

inline model zoo_net(const std::string& name, std::int64_t image) {
    auto made = zoo::make(name, {.image = image});
    REQUIRE_MESSAGE(made.has_value(), made.error());
    return std::move(*made);
}

/// Random nets give what the general kernels give, whole, in stages, and again.
template <backend Backend>
void random_nets(const Backend& on) {
    int equal = 0;
    const int count = 120;
    for (std::uint64_t seed = 0; seed < count; ++seed) {
        CAPTURE(seed);
        const auto m = random_net(seed).build();
        const auto inputs = random_inputs(m, seed);
        const auto expected = reference(m, inputs);
        auto loaded = load(on, m);
        const auto whole = run(loaded, inputs);
        check_close(whole, expected);
        CHECK(same_bits(run(loaded, inputs), whole));
        const auto staged = run_in_stages(on, m, inputs, 2 + seed % 4);
        check_close(staged, expected);
        equal += same_bits(staged, whole) ? 1 : 0;
    }
    MESSAGE(equal << " of " << count << " random nets are equal in every bit when divided");
}

/// The zoo, simplified or not, whole or in stages.
template <backend Backend>
void zoo_networks(const Backend& on) {
    for (const auto& [name, image] : std::vector<std::pair<std::string, std::int64_t>>{
             {"resnet18", 64}, {"squeezenet", 64}, {"mobilenet_v2", 64}}) {
        CAPTURE(name);
        auto m = zoo_net(name, image);
        const auto inputs = random_inputs(m, 5);
        const auto expected = reference(m, inputs);
        auto plain = load(on, m);
        check_close(run(plain, inputs), expected);
        REQUIRE(simplify(m, kernels::evaluate_layer).has_value());
        auto simple = load(on, m);
        const auto whole = run(simple, inputs);
        check_close(whole, expected);
        for (const std::size_t stages : {2U, 3U, 5U}) {
            const auto staged = run_in_stages(on, m, inputs, stages);
            check_close(staged, whole);
            // A residual that a convolution adds itself is rounded once less than one that a later stage adds.
            if (name == "squeezenet") CHECK(same_bits(staged, whole));
        }
    }
}

/// Results belong to the caller.
template <backend Backend>
void results_are_the_callers(const Backend& on) {
    model_builder b("results");
    const auto x = b.input("x", {1, 2, 2, 2});
    const auto c = b.constant("c", tensor::of<float>({2}, std::vector{1.0F, 2.0F}));
    b.output(b.add("Relu", {x}));
    b.output(b.add("Identity", {c}));
    const auto m = std::move(b).build();
    REQUIRE(m.has_value());
    auto loaded = load(on, *m);
    std::vector<tensor> first = run(loaded, {tensor::of<float>({1, 2, 2, 2}, std::vector<float>(8, 3.0F))});
    first[0].data<float>()[0] = 9.0F;
    first[1].data<float>()[0] = 9.0F;
    const std::vector<tensor> second =
        run(loaded, {tensor::of<float>({1, 2, 2, 2}, std::vector<float>(8, 4.0F))});
    CHECK(first[0].data<float>()[1] == 3.0F);
    CHECK(second[0].data<float>()[0] == 4.0F);
    CHECK(second[1].data<float>()[0] == 1.0F);
}

/// Every layer is reported, fused ones without time.
template <backend Backend>
void layers_are_reported(const Backend& on, bool fuses) {
    const auto m = zoo_net("squeezenet", 64);
    auto loaded = load(on, m);
    std::vector<double> spent(num_vertices(m), -1.0);
    const auto outputs =
        loaded.run(random_inputs(m, 1), [&](layer_id l, seconds s) { spent.at(l) = s.value; });
    REQUIRE(outputs.has_value());
    double total = 0.0;
    for (layer_id l = 0; l < spent.size(); ++l) {
        CHECK(spent[l] >= 0.0);
        if (m[l].op == "Relu" && fuses) CHECK(spent[l] == 0.0);
        if (m[l].op == "Conv") CHECK(spent[l] > 0.0);
        total += spent[l];
    }
    CHECK(total > 0.0);
}

/// Errors name what is wrong.
template <backend Backend>
void errors_are_named(const Backend& on) {
    const auto m = zoo_net("squeezenet", 64);
    auto loaded = load(on, m);
    const auto good = random_inputs(m, 1);

    CHECK(loaded.run(std::vector<tensor>{}).error().code == errc::shape_mismatch);
    CHECK(loaded.run(std::vector{tensor{}}).error().offender == "image");
    CHECK(loaded.run(std::vector{tensor(dtype::f32, {1, 3, 64, 63})}).error().code == errc::shape_mismatch);
    CHECK(loaded.run(std::vector{tensor(dtype::f64, {1, 3, 64, 64})}).error().code == errc::shape_mismatch);
    CHECK(loaded.run(good).has_value());

    const auto described = zoo::make("squeezenet", {.weights = false, .image = 64});
    REQUIRE(described.has_value());
    CHECK(on.load(*described).error().code == errc::invalid_model);

    auto unknown = m;
    unknown[3].op = "Frobnicate";
    const auto refused = on.load(unknown);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::unsupported);
    CHECK(refused.error().offender == unknown[3].name);
    CHECK(refused.error().message.find("Frobnicate") != std::string::npos);
}

/// A model whose shapes are a lie is refused or fails, and touches no foreign memory.
template <backend Backend>
void lies_are_refused(const Backend& on) {
    const auto m = zoo_net("squeezenet", 64);
    for (tensor_id t = 0; t < info(m).tensors.size(); ++t) {
        if (info(m).tensors[t].constant) continue;
        for (const auto& lie : std::vector<shape>{{1, 1, 1, 1}, {}, {0}, {1, 3, 64, 64, 2}, {2, 512, 9, 9}}) {
            auto liar = m;
            info(liar).tensors[t].dims = lie;
            auto loaded = on.load(liar);
            CHECK((!loaded.has_value() || !loaded->run(random_inputs(liar, 1)).has_value()));
        }
    }
}

/// Layers with results that nobody wants, or too few operands.
template <backend Backend>
void odd_layers(const Backend& on) {
    model_builder b("odd");
    const auto x = b.input("x", {1, 2, 4, 4});
    b.output(b.add("Relu", {x}));
    auto m = std::move(b).build();
    REQUIRE(m.has_value());
    const auto dead = add_vertex(layer{"dead", "Sigmoid", {x}, {}, {}}, *m);
    auto loaded = load(on, *m);
    CHECK(run(loaded, random_inputs(*m, 1))[0].size() == 32);
    (*m)[dead].outputs = {no_id};
    CHECK(on.load(*m).has_value());
    (*m)[0].inputs.clear();
    auto bare = on.load(*m);  // refused at once, or when it runs
    CHECK((bare ? !bare->run(random_inputs(*m, 1)).has_value() : bare.error().code == errc::invalid_model));
}

/// What not every backend does.
struct backend_traits {
    bool fuses = true;  ///< an activation costs nothing of its own behind a convolution
};

/// One subcase per property.
template <backend Backend>
void conforms(const Backend& on, const backend_traits& traits = {}) {
    SUBCASE("random nets give what the general kernels give, whole, in stages, and again") {
        random_nets(on);
    }
    SUBCASE("the zoo, simplified or not, whole or in stages") { zoo_networks(on); }
    SUBCASE("results belong to the caller") { results_are_the_callers(on); }
    SUBCASE("every layer is reported, fused ones without time") { layers_are_reported(on, traits.fuses); }
    SUBCASE("errors name what is wrong") { errors_are_named(on); }
    SUBCASE("a model whose shapes are a lie is refused or fails, and touches no foreign memory") {
        lies_are_refused(on);
    }
    SUBCASE("layers with results that nobody wants, or too few operands") { odd_layers(on); }
}

}  // namespace dispart::test::backends
