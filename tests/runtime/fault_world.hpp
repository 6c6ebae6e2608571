#pragma once
// A service over workers in a virtual world, on a network that is done harm to.
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/run/fault_transport.hpp"
#include "dispart/run/service.hpp"
#include "dispart/run/virtual_world.hpp"
#include "dispart/run/worker.hpp"

namespace dispart::test {

/// x, 2x, 4x, ...: whose stages are described by how many layers they have.
[[nodiscard]] inline model doubling(std::size_t layers) {
    model_builder b("doubling");
    tensor_id t = b.input("x", {4});
    for (std::size_t i = 0; i < layers; ++i) t = b.add("Add", {t, t});
    b.output(t);
    return std::move(b).build().value();
}

/// A stage as bytes: thousands that stand for weights, and one more for each layer.
[[nodiscard]] inline model_encoder encode_doubling(std::size_t weight_bytes) {
    return [weight_bytes](const model& m) -> result<std::vector<std::byte>> {
        return std::vector<std::byte>(weight_bytes / 1000 * 1000 + num_vertices(m), std::byte{7});
    };
}
[[nodiscard]] inline result<model> decode_doubling(std::span<const std::byte> in) {
    if (in.size() <= 1000) return fail(errc::parse_error, "doubling", "too short");
    return doubling(in.size() % 1000);
}

/// Doubles so many times, `each` seconds a time; a negative number is poison, at which it fails.
struct doubling_backend {
    struct executable {
        std::size_t layers;
        seconds each;
        const double* slowdown;
        result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }
        result<std::vector<tensor>> run(std::span<const tensor> inputs, const layer_observer&) {
            sleep_until(deadline_in(each * static_cast<double>(layers) * (slowdown ? *slowdown : 1.0)));
            tensor made(dtype::f32, inputs[0].dims());
            const auto x = inputs[0].data<float>();
            const auto y = made.data<float>();
            if (x[0] < 0) return fail(errc::shape_mismatch, "x", "poison");
            for (std::size_t i = 0; i < y.size(); ++i)
                y[i] = x[i] * static_cast<float>(std::uint64_t{1} << layers);
            return std::vector<tensor>{made};
        }
    };
    seconds each{0.002};
    const double* slowdown = nullptr;  ///< as it is when a request is computed

    static std::string_view name() { return "doubling"; }
    [[nodiscard]] result<executable> load(const model& stage) const {
        sleep_until(deadline_in(seconds(0.01)));
        return executable{num_vertices(stage), each, slowdown};
    }
};
static_assert(backend<doubling_backend>);

/// The network, a virtual world, and worker programs on hosts "w0", "w1", ..., group i + 1 each; the service is group 0.
class fault_world {
  public:
    static constexpr std::size_t layers = 6;

    explicit fault_world(std::uint64_t seed, std::size_t workers) : world(seed) {
        for (std::size_t i = 0; i < workers; ++i)
            hosts.push_back({"w" + std::to_string(i), "w" + std::to_string(i)});
        programs_.resize(workers);
        slowdown.assign(workers, 1.0);
        memory.assign(workers, bytes{});
    }

    /// Begins a worker program on a host.
    void start(std::size_t i) {
        network.revive(hosts[i].name);
        programs_[i] = std::make_shared<std::stop_source>();
        world.spawn_in(i + 1, [this, i, stop = programs_[i], carrier = network.at(hosts[i].name)]() mutable {
            auto listener = carrier.listen(hosts[i].address);
            if (!listener) return;
            worker<fault_transport, doubling_backend> serving(
                carrier, doubling_backend{compute, &slowdown[i]},
                {.name = hosts[i].name, .decode = decode_doubling, .memory = [this, i] { return memory[i]; }});
            serving.serve(std::move(*listener), stop->get_token());
        });
    }
    void kill(std::size_t i, bool silently) {
        network.kill(hosts[i].name, silently);
        world.thaw(i + 1);  // so that it can unwind; nobody sees that
        if (programs_[i]) programs_[i]->request_stop();
        programs_[i] = nullptr;
    }
    [[nodiscard]] bool running(std::size_t i) const { return programs_[i] != nullptr; }

    /// Even stages over whoever is there; of two that cannot reach each other, the second is left out.
    [[nodiscard]] result<service_plan> plan(const roster_view& who) {
        std::vector<worker_host> used;
        for (const auto& host : who.present) {
            bool apart = false;
            for (const auto& [a, b] : who.broken)
                for (const auto& other : used)
                    apart =
                        apart || (a == other.name && b == host.name) || (b == other.name && a == host.name);
            if (!apart && used.size() < layers) used.push_back(host);
        }
        if (used.empty()) return fail(errc::infeasible, "doubling", "nobody is there");
        partition cut;
        const std::size_t count = layers + version;
        for (std::size_t s = 0, next = 0; s < used.size(); ++s) {
            cut.parts.push_back({{}, s});
            for (const std::size_t end = count * (s + 1) / used.size(); next < end; ++next)
                cut.parts.back().layers.push_back(next);
        }
        const model whole = doubling(count);
        DISPART_TRY(auto made, make_deployment(whole, cut, used, encode_doubling(weight_bytes)));
        ++plans;
        return service_plan{.stages = std::move(made),
                            .patience = {.edge_within = seconds(1.0), .stage_within = seconds(3.0)},
                            .version = std::to_string(version)};
    }

    [[nodiscard]] static std::vector<tensor> inputs_of(request_id r) {
        const float x = static_cast<float>(r % 1000 + 1);
        return {tensor::of<float>({4}, {x, x + 1, x + 2, x + 3})};
    }
    [[nodiscard]] static bool right(request_id r, const std::vector<tensor>& outputs,
                                    const std::string& version) {
        if (outputs.size() != 1 || outputs[0].dims() != shape{4}) return false;
        const float factor = static_cast<float>(1U << (layers + (version.empty() ? 0 : std::stoul(version))));
        for (std::size_t i = 0; i < 4; ++i)
            if (outputs[0].data<float>()[i] != static_cast<float>(r % 1000 + 1 + i) * factor) return false;
        return true;
    }

    virtual_world world;
    fault_network network{};
    std::vector<worker_host> hosts{};
    seconds compute{0.002};
    std::vector<double> slowdown{};   ///< [worker]
    std::vector<bytes> memory{};      ///< [worker] that it says it may have; 0: unknown
    std::size_t version = 0;          ///< of the model: doublings more
    std::size_t weight_bytes = 1000;  ///< of a stage
    std::size_t plans = 0;

  private:
    std::vector<std::shared_ptr<std::stop_source>> programs_{};
};

/// Outcomes by request, and what is wrong with them.
struct outcome_book {
    std::map<request_id, outcome> all{};
    std::size_t twice = 0;
    std::size_t wrong = 0;

    void add(outcome made) {
        if (made.how != outcome_kind::refused && !fault_world::right(made.request, made.outputs, made.version))
            ++wrong;
        const request_id id = made.request;
        if (!all.try_emplace(id, std::move(made)).second) ++twice;
    }
    [[nodiscard]] std::size_t count(outcome_kind how) const {
        std::size_t n = 0;
        for (const auto& [id, made] : all) n += made.how == how ? 1 : 0;
        return n;
    }
};

[[nodiscard]] inline double virtual_seconds() {
    return std::chrono::duration<double>(clock_now().time_since_epoch()).count();
}

/// What a seeded run of random faults showed.
struct fault_run {
    bool ended = false;  ///< nothing waited for ever
    std::size_t requests = 0;
    outcome_book book{};
    service_status status{};
    double slowest = 0.0;  ///< seconds from submission to answer
    std::size_t faults = 0;
};

/// Random workers, requests, kills, power cuts, freezes and link cuts, with everything well in the end.
[[nodiscard]] inline fault_run play_random_faults(std::uint64_t seed, service_options options = {}) {
    fault_run made;
    random_source draw(mix64(seed));
    const std::size_t workers = 1 + draw.index(4);
    made.requests = 5 + draw.index(25);
    made.faults = 1 + draw.index(4);
    fault_world on(seed, workers);
    on.compute = seconds(draw.uniform(0.0005, 0.02));
    made.ended = on.world.run([&] {
        for (std::size_t i = 0; i < workers; ++i) on.start(i);
        std::mutex book_mutex;
        service<fault_transport> serving(
            on.network.at("c"), on.hosts, [&](const roster_view& who) { return on.plan(who); },
            [&](outcome o) { made.book.add(std::move(o)); }, options);
        std::vector<thread> troubles;
        for (std::size_t f = 0; f < made.faults; ++f) {
            const std::size_t victim = draw.index(workers);
            const std::size_t other = draw.index(workers + 1);
            const auto kind = draw.integer(0, 3);
            const seconds begins(draw.uniform(0.0, 3.0));
            const seconds lasts(draw.uniform(0.05, 4.0));
            troubles.emplace_back([&, victim, other, kind, begins, lasts] {
                sleep_until(deadline_in(begins));
                const std::string a = on.hosts[victim].name;
                const std::string b = other == workers ? "c" : on.hosts[other].name;
                if (kind <= 1) on.kill(victim, kind == 1);
                else if (kind == 2) on.world.freeze(victim + 1);
                else if (a != b) on.network.cut(a, b);
                sleep_until(deadline_in(lasts));
                if (kind <= 1 && !on.running(victim)) on.start(victim);
                else if (kind == 2) on.world.thaw(victim + 1);
                else if (a != b) on.network.heal(a, b);
            });
        }
        for (request_id r = 0; r < made.requests; ++r) {
            sleep_until(deadline_in(seconds(draw.exponential(8.0))));
            static_cast<void>(serving.submit(r, fault_world::inputs_of(r), seconds(60.0)));
        }
        for (thread& each : troubles) each.join();
        serving.wait_until_idle(deadline_in(seconds(120.0)));
        made.status = serving.status();
        for (const auto& [id, each] : made.book.all) made.slowest = std::max(made.slowest, each.took.value);
        for (std::size_t i = 0; i < workers; ++i) on.kill(i, false);
    });
    return made;
}

}  // namespace dispart::test
