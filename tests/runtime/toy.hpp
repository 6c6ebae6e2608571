#pragma once
// A backend of three operators, a way for models to travel, and workers to run them: what the runtime's tests need.
#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dispart/model/builder.hpp"
#include "dispart/model/order.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/timing.hpp"

namespace dispart::test {

/// Models by number, so that a stage's bytes are its number. Filled before workers start; processes inherit it.
class shelf {
  public:
    [[nodiscard]] model_encoder encoder() {
        return [this](const model& m) -> result<std::vector<std::byte>> {
            const std::scoped_lock lock(mutex_);
            const std::uint64_t number = models_.size();
            models_.push_back(m);
            std::vector<std::byte> made(1'500'000);  // so that it travels in several parts
            std::memcpy(made.data(), &number, sizeof number);
            return made;
        };
    }
    [[nodiscard]] model_decoder decoder() const {
        return [this](std::span<const std::byte> in) -> result<model> {
            std::uint64_t number = 0;
            if (in.size() != 1'500'000) return fail(errc::parse_error, "shelf", "not a stage");
            std::memcpy(&number, in.data(), sizeof number);
            const std::scoped_lock lock(mutex_);
            if (number >= models_.size()) return fail(errc::parse_error, "shelf", "no such stage");
            return models_[number];
        };
    }

  private:
    mutable std::mutex mutex_{};  // coordinators add while workers look up
    std::deque<model> models_{};
};

/// Called before each layer; may sleep, fail or throw.
using layer_hook = std::function<result<void>(const layer&)>;

/// Runs Neg, Abs, Add (of equal shapes) and Constant on f32.
class toy_executable {
  public:
    toy_executable(model stage, std::vector<layer_id> order, layer_hook hook)
        : stage_(std::move(stage))
        , order_(std::move(order))
        , hook_(std::move(hook)) {}

    result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }
    result<std::vector<tensor>> run(std::span<const tensor> inputs, const layer_observer&) {
        const auto& own = info(stage_);
        if (inputs.size() != own.inputs.size())
            return fail(errc::shape_mismatch, "toy", "wrong number of inputs");
        std::vector<tensor> values(own.tensors.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i].dims() != *own.tensors[own.inputs[i]].dims)
                return fail(errc::shape_mismatch, own.tensors[own.inputs[i]].name, "wrong shape");
            values[own.inputs[i]] = inputs[i];
        }
        for (const layer_id v : order_) {
            if (hook_) DISPART_CHECK(hook_(stage_[v]));
            values[stage_[v].outputs[0]] = evaluate(stage_[v], values);
        }
        std::vector<tensor> outputs;
        for (const tensor_id t : own.outputs) outputs.push_back(values[t]);
        return outputs;
    }

  private:
    static tensor evaluate(const layer& what, const std::vector<tensor>& values) {
        if (what.op == "Constant") return std::get<tensor>(what.attrs.at("value"));
        const tensor& a = values[what.inputs[0]];
        tensor made(dtype::f32, a.dims());
        const auto x = a.data<float>();
        const auto y = values[what.inputs.back()].data<float>();
        const auto z = made.data<float>();
        for (std::size_t i = 0; i < z.size(); ++i)
            z[i] = what.op == "Neg" ? -x[i] : what.op == "Abs" ? std::abs(x[i]) : x[i] + y[i];
        return made;
    }

    model stage_;
    std::vector<layer_id> order_;
    layer_hook hook_;
};

struct toy_backend {
    layer_hook hook{};

    static std::string_view name() { return "toy"; }
    [[nodiscard]] result<toy_executable> load(const model& stage) const {
        DISPART_TRY(auto order, topological_order(stage));
        for (const layer_id v : order)
            if (stage[v].op != "Neg" && stage[v].op != "Add" && stage[v].op != "Abs" &&
                stage[v].op != "Constant")
                return fail(errc::unsupported, stage[v].name, "the toy cannot run " + stage[v].op);
        return toy_executable(stage, std::move(order), hook);
    }
};
static_assert(backend<toy_backend>);

[[nodiscard]] inline layer_hook slow(std::chrono::microseconds each) {
    return [each](const layer&) -> result<void> { return std::this_thread::sleep_for(each), result<void>{}; };
}

// --- models

[[nodiscard]] inline model built(model_builder& b) {
    auto made = std::move(b).build();
    REQUIRE(made);
    return std::move(*made);
}

/// x, 2x, 4x, ...
[[nodiscard]] inline model chain(std::size_t layers, shape dims = {16}) {
    model_builder b("chain");
    tensor_id t = b.input("x", std::move(dims));
    for (std::size_t i = 0; i < layers; ++i) t = b.add("Add", {t, t});
    b.output(t);
    return built(b);
}

/// Two inputs, tensors that skip stages, three outputs (one of them also read inside).
[[nodiscard]] inline model with_skips() {
    model_builder b("skips");
    const auto x = b.input("x", {8});
    const auto y = b.input("y", {8});
    const auto a = b.add("Add", {x, x});
    const auto c = b.add("Neg", {a});
    const auto d = b.add("Add", {c, x});
    const auto e = b.add("Add", {d, y});
    const auto f = b.add("Abs", {e});
    const auto g = b.add("Add", {f, a});
    for (const auto t : {g, d, e}) b.output(t);
    return built(b);
}

/// Stages of so many consecutive layers, stage s on device s.
[[nodiscard]] inline partition in_stages(const std::vector<std::size_t>& sizes) {
    partition made;
    layer_id next = 0;
    for (const std::size_t size : sizes) {
        made.parts.push_back({{}, made.parts.size()});
        for (std::size_t i = 0; i < size; ++i) made.parts.back().layers.push_back(next++);
    }
    return made;
}

[[nodiscard]] inline std::vector<tensor> inputs_of(const model& m, request_id request) {
    std::vector<tensor> made;
    for (const tensor_id t : info(m).inputs) {
        made.emplace_back(dtype::f32, *info(m).tensors[t].dims);
        const auto to = made.back().data<float>();
        for (std::size_t i = 0; i < to.size(); ++i)
            to[i] = static_cast<float>((request * 7 + i + made.size() * 3) % 101) - 50;
    }
    return made;
}

[[nodiscard]] inline std::vector<tensor> expected(const model& m, request_id request) {
    auto loaded = toy_backend{}.load(m);
    REQUIRE(loaded);
    auto outputs = loaded->run(inputs_of(m, request));
    REQUIRE(outputs);
    return std::move(*outputs);
}

[[nodiscard]] inline bool equal(const std::vector<tensor>& a, const std::vector<tensor>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].dims() != b[i].dims() || max_abs_difference(a[i], b[i]) != 0.0) return false;
    return true;
}

// --- workers

/// Workers "w0", "w1", ... in threads of this process, one device each.
template <transport Transport>
class toy_cluster {
  public:
    explicit toy_cluster(const shelf& models, std::vector<layer_hook> hooks,
                         Transport carrier_in = Transport{})
        : carrier(std::move(carrier_in)) {
        for (const auto& hook : hooks) {
            const std::string name = "w" + std::to_string(hosts.size());
            auto listener = carrier.listen("");
            REQUIRE(listener);
            hosts.push_back({name, listener->address()});
            threads_.emplace_back(
                [this, hook, name, &models, listener = std::move(*listener)](std::stop_token stop) mutable {
                    worker<Transport, toy_backend> serving(
                        carrier, toy_backend{hook},
                        {.name = name, .decode = models.decoder(), .handshake = seconds(1.0)});
                    serving.serve(std::move(listener), stop);
                });
        }
    }
    toy_cluster(const shelf& models, std::size_t count)
        : toy_cluster(models, std::vector<layer_hook>(count)) {}

    Transport carrier;
    std::vector<worker_host> hosts{};

  private:
    std::vector<std::jthread> threads_{};
};

/// Runs requests and checks every output and the order.
template <transport Transport>
result<run_report> run_and_check(coordinator<Transport>& running, const model& m, std::size_t count,
                                 run_options how = {}) {
    request_id next = 0;
    auto report = running.run(
        count, [&](request_id r) { return inputs_of(m, r); },
        [&](request_id r, const std::vector<tensor>& outputs) {
            CHECK(r == next++);
            CHECK(equal(outputs, expected(m, r)));
        },
        how);
    if (report) CHECK(next == count);
    return report;
}

[[nodiscard]] inline coordinator_options impatient() {
    return {.connect_within = seconds(3.0), .load_within = seconds(5.0), .request_within = seconds(10.0)};
}

}  // namespace dispart::test
