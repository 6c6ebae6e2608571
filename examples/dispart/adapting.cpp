#include "dispart/adapting.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "dispart/adapt/watcher.hpp"
#include "dispart/cluster/survivors.hpp"
#include "dispart/common.hpp"
#include "dispart/engine.hpp"
#include "dispart/execution.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/chrome_trace.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/io/prometheus.hpp"
#include "dispart/run/service.hpp"

namespace cli {

using namespace dispart;

namespace {

/// How long messages and stages of a plan may take before they count as stuck: several times what was predicted.
watchdog_options patience_for(const dispart::plan& p) {
    double transfer = 0.0, compute = 0.0;
    for (const auto& each : p.tasks.messages) {
        const device_id from = each.from_device, to = each.to_device;
        if (from == no_id || to == no_id) continue;
        transfer = std::max(transfer, p.network.latency_s[from][to] +
                                          each.bytes * p.network.seconds_per_byte[from][to]);
    }
    for (const auto& each : p.stages) compute = std::max(compute, each.compute_s);
    return {.edge_within = seconds(1.0 + 4.0 * transfer), .stage_within = seconds(10.0 + 20.0 * compute)};
}

/// The present workers in a cluster's terms, planned for, as a deployment.
result<service_plan> plan_for(const roster_view& who, watcher& watch, const model_planner& planner,
                              const model_version& version, double now_s) {
    std::vector<std::string> names;
    for (const worker_host& each : who.present) names.push_back(each.name);
    cluster left = survivors(watch.machines(), names, who.broken);
    DISPART_TRY(auto found, planner(version.net, left));
    auto& p = found.chosen;
    std::vector<worker_host> hosts;
    for (device_id d = 0; d < num_vertices(left); ++d) hosts.push_back({left[d].name, left[d].address});
    for (const worker_host& each : who.present)  // where they listen now
        for (worker_host& known : hosts)
            if (known.name == each.name) known.address = each.address;
    const auto encode = [](const model& stage) { return io::write_onnx(stage); };
    DISPART_TRY(auto stages, make_deployment(found.graph, p.division, std::move(hosts), encode));
    service_plan made{std::move(stages), window_of(p), patience_for(p), version.name};
    watch.running(std::move(p), std::move(left), now_s);
    return made;
}

/// What was seen of the plan that runs now.
std::vector<io::metric_family> metrics_of(const watcher& watch) {
    io::metric_family compute{"dispart_compute_seconds", "computing of a request, EWMA", "gauge", {}};
    io::metric_family unsure{"dispart_compute_seconds_half_width", "half of its 95 % interval", "gauge", {}};
    io::metric_family wait{
        "dispart_wait_seconds_total", "waiting for inputs and room in queues", "counter", {}};
    io::metric_family rate{
        "dispart_edge_seconds_per_byte", "from sending a message to having it, EWMA", "gauge", {}};
    io::metric_family carried{"dispart_edge_bytes_total", "payloads carried", "counter", {}};
    io::metric_family memory{"dispart_memory_bytes", "memory that a device is believed to have", "gauge", {}};
    using labels = std::vector<std::pair<std::string, std::string>>;
    const cluster& machines = watch.machines();
    const auto place = [&](const telemetry::place& at) {
        return labels{{"device", machines[at.first].name}, {"stage", std::to_string(at.second)}};
    };
    for (const auto& [at, series] : watch.seen().compute()) {
        compute.samples.push_back({place(at), series.value.mean()});
        unsure.samples.push_back({place(at), series.value.half_width()});
    }
    for (const auto& [at, series] : watch.seen().wait()) wait.samples.push_back({place(at), series.total});
    const auto way = [&](const telemetry::way& on) {
        return labels{{"from", machines[on.first].name}, {"to", machines[on.second].name}};
    };
    for (const auto& [on, series] : watch.seen().seconds_per_byte())
        rate.samples.push_back({way(on), series.value.mean()});
    for (const auto& [on, series] : watch.seen().message())
        carried.samples.push_back({way(on), watch.seen().bytes_between(on.first, on.second)});
    for (device_id d = 0; d < num_vertices(machines); ++d)
        if (machines[d].memory.value > 0.0)
            memory.samples.push_back({labels{{"device", machines[d].name}}, machines[d].memory.value});
    return {compute, unsure, wait, rate, carried, memory};
}

/// What Prometheus may scrape.
std::string metrics_text(const service_status& s, std::vector<io::metric_family> more) {
    const auto one = [](double value) { return std::vector<io::metric_sample>{{{}, value}}; };
    const auto number = [](auto value) { return static_cast<double>(value); };
    std::vector<io::metric_family> all{
        {"dispart_epoch", "deployments that came to work", "counter", one(number(s.epoch))},
        {"dispart_requests_waiting", "requests that no deployment has yet", "gauge", one(number(s.waiting))},
        {"dispart_requests_in_flight", "requests that a deployment has", "gauge", one(number(s.in_flight))},
        {"dispart_failures_total", "deployments that failed", "counter", one(number(s.failures))},
        {"dispart_outcomes_total",
         "requests that have their outcome",
         "counter",
         {{{{"how", "answered"}}, number(s.answered)},
          {{{"how", "fallback"}}, number(s.by_fallback)},
          {{{"how", "refused"}}, number(s.refused)}}}};
    io::metric_family present{"dispart_worker_present", "1: may be given stages", "gauge", {}};
    for (const auto& [name, state] : s.members)
        present.samples.push_back({{{"device", name}}, state == member_state::present ? 1.0 : 0.0});
    all.push_back(std::move(present));
    all.insert(all.end(), more.begin(), more.end());
    return io::prometheus_text(all);
}

ordered_json status_to_json(const service_status& s) {
    ordered_json members = ordered_json::object(), stages = ordered_json::array();
    for (const auto& [name, state] : s.members) members[name] = to_string(state);
    for (const auto& each : s.stages) stages.push_back(each.first);
    return {{"epoch", s.epoch},       {"serving", s.serving},
            {"members", members},     {"stages", stages},
            {"waiting", s.waiting},   {"in_flight", s.in_flight},
            {"answered", s.answered}, {"by_fallback", s.by_fallback},
            {"refused", s.refused},   {"late_answers_dropped", s.dropped},
            {"failures", s.failures}, {"last_failure", s.failures > 0 ? to_string(s.last_failure) : ""}};
}

/// What became of the requests, and whether the answers are right.
class desk {
  public:
    desk(const std::vector<model_version>& versions, bool check, std::chrono::steady_clock::time_point began)
        : versions_(&versions)
        , check_(check)
        , began_(began) {}

    result<void> prepare() {
        for (request_id r = 0; r < distinct_inputs; ++r) {
            DISPART_TRY(auto each, make_inputs(versions_->front().net, r));
            inputs_.push_back(std::move(each));
        }
        for (const model_version& each : *versions_) DISPART_CHECK(expect_of(each));
        return {};
    }

    [[nodiscard]] const std::vector<tensor>& inputs(request_id r) const {
        return inputs_[r % inputs_.size()];
    }

    /// A request is about to be submitted, or was by the process before, and may have its outcome already.
    void expect(request_id, bool ended_before = false) {
        const std::scoped_lock lock(mutex_);
        ++requests_;
        before_ += ended_before ? 1 : 0;
    }

    void take(outcome made) {
        const std::scoped_lock lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        const auto before = std::exchange(last_, now);
        const double gap = std::chrono::duration<double>(now - before).count();
        longest_gap_ = std::max(longest_gap_, gap);
        if (gap >= told_gap) gaps_.push_back({since_began(before), since_began(now)});
        if (!seen_.insert(made.request)) return void(++twice_);
        ++ended_[made.how];
        slowest_ = std::max(slowest_, made.took.value);
        if (made.how == outcome_kind::refused) reasons_[std::string(to_string(made.reason.code))] += 1;
        if (made.how != outcome_kind::answered) return;
        ++by_version_[made.version];
        if (!check_) return;
        const auto& of_its_version = expected_.at(made.version);
        const auto& expected = of_its_version[made.request % of_its_version.size()];
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (!compare(made.outputs[i], expected[i], 1e-4).within) ++mismatches_;
    }

    [[nodiscard]] ordered_json to_json(double elapsed) {
        const std::scoped_lock lock(mutex_);
        const std::size_t answered = ended_[outcome_kind::answered],
                          fallback = ended_[outcome_kind::fallback], refused = ended_[outcome_kind::refused];
        ordered_json made{{"requests", requests_},
                          {"answered", answered},
                          {"by_version", by_version_},
                          {"by_fallback", fallback},
                          {"refused", refused},
                          {"reasons", reasons_},
                          {"by_the_process_before", before_},
                          {"without_outcome", requests_ - before_ - answered - fallback - refused},
                          {"more_than_one_outcome", twice_},
                          {"slowest_s", slowest_},
                          {"longest_gap_s", longest_gap_},
                          {"gaps_s", gaps_},
                          {"elapsed_s", elapsed}};
        if (check_) made["mismatches"] = mismatches_;
        return made;
    }

  private:
    static constexpr double told_gap = 0.25;  ///< seconds without an outcome that are told

    result<void> expect_of(const model_version& version) {
        DISPART_TRY(const auto inputs, make_inputs(version.net));
        const auto alike = [](const tensor& a, const tensor& b) {
            return a.type() == b.type() && a.dims() == b.dims();
        };
        if (expected_.contains(version.name) || !std::ranges::equal(inputs, inputs_.front(), alike))
            return fail(errc::invalid_argument, version.name,
                        "a version needs a name of its own and the inputs of the one before");
        auto& expected = expected_[version.name];
        if (!check_) return {};
        DISPART_TRY(auto whole, local_backend{}.load(version.net));
        for (const auto& each : inputs_) {
            DISPART_TRY(auto outputs, whole.run(each));
            expected.push_back(std::move(outputs));
        }
        return {};
    }

    [[nodiscard]] double since_began(std::chrono::steady_clock::time_point t) const {
        return std::chrono::duration<double>(t - began_).count();
    }

    const std::vector<model_version>* versions_;
    bool check_;
    std::vector<std::vector<tensor>> inputs_{};
    std::map<std::string, std::vector<std::vector<tensor>>> expected_{};  ///< [version][input]
    std::mutex mutex_{};
    std::size_t requests_ = 0;
    std::size_t before_ = 0;  ///< of them, the process before told the outcome
    id_set seen_{};           ///< outcomes
    std::map<outcome_kind, std::size_t> ended_{};
    std::map<std::string, std::size_t> by_version_{};  ///< answers
    double slowest_ = 0.0;
    std::map<std::string, std::size_t> reasons_{};
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point last_ = began_;
    double longest_gap_ = 0.0;  ///< seconds between outcomes
    std::vector<std::pair<double, double>> gaps_{};
    std::size_t twice_ = 0;
    std::size_t mismatches_ = 0;
};

result<service_fallback> fallback_of(const std::string& name) {
    if (name.empty()) return service_fallback{};
    DISPART_TRY(const auto small, load_model({.name = name}));
    DISPART_TRY(auto loaded, local_backend{}.load(small));
    auto shared = std::make_shared<decltype(loaded)>(std::move(loaded));
    return service_fallback(
        [shared](request_id, const std::vector<tensor>& inputs) { return shared->run(inputs); });
}

}  // namespace

result<ordered_json> run_adaptively(const std::vector<model_version>& versions, const cluster& machines,
                                    const model_planner& planner, const adaptive_run& how) {
    const auto began = std::chrono::steady_clock::now();
    const double began_unix =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    std::vector<worker_host> workers;
    for (device_id d = 0; d < num_vertices(machines); ++d)
        if (machines[d].computes && !machines[d].address.empty())
            workers.push_back({machines[d].name, machines[d].address});
    if (workers.empty())
        return fail(errc::invalid_cluster, info(machines).name, "no device has an address to dial");
    desk requests(versions, how.check, began);
    DISPART_CHECK(requests.prepare());
    DISPART_TRY(auto carrier, make_carrier(how.carrier));
    service_options options;
    options.link.name = node_name(carrier, "coordinator");
    options.link.listen = how.listen;
    if (how.listen.empty()) {
        DISPART_TRY(options.link.listen, listen_for(how.carrier, workers));
    }
    options.log = [&](const std::string& line) {
        std::fprintf(stderr, "[%8.3f s] %s\n", elapsed(), line.c_str());
    };
    DISPART_TRY(options.fallback, fallback_of(how.fallback));
    if (!how.journal.empty()) {
        if (how.standby)
            options.log("standing by until the process that has " + how.journal + " ends or hangs");
        DISPART_TRY(options.journal,
                    request_journal::open(how.journal, how.standby ? no_deadline() : clock_now()));
        options.log("the journal is open");
    }
    std::atomic<std::size_t> version = 0;
    watcher watch(machines, [&](const cluster& left) -> result<dispart::plan> {
        DISPART_TRY(auto found, planner(versions[version].net, left));
        return std::move(found.chosen);
    });
    std::mutex metrics_mutex;
    std::vector<io::metric_family> metrics;
    std::function<void()> plan_again;
    options.on_telemetry = [&](const service_telemetry& told) {
        const auto reason = watch.observe(told.events, told.memory, elapsed());
        if (reason) {
            options.log("drift: " + *reason);
            plan_again();
        }
        const std::scoped_lock lock(metrics_mutex);
        metrics = metrics_of(watch);
    };
    std::optional<service<any_transport>> running;
    std::promise<service<any_transport>*> ready;
    plan_again = [at = ready.get_future().share()] { at.get()->plan_again(); };
    running.emplace(
        std::move(carrier), workers,
        [&](const roster_view& who) { return plan_for(who, watch, planner, versions[version], elapsed()); },
        [&](outcome made) { requests.take(std::move(made)); }, options);
    ready.set_value(&*running);
    auto& serving = *running;
    std::error_code ignored;
    std::filesystem::create_directories(how.out, ignored);
    const auto write_status = [&] {
        auto document = status_to_json(serving.status());
        document["elapsed_s"] = elapsed();
        const std::filesystem::path folder(how.out);
        // a failure to write is no reason to stop serving
        static_cast<void>(io::write_text(folder / "status.json", document.dump(2) + "\n"));
        const std::scoped_lock lock(metrics_mutex);
        static_cast<void>(io::write_text(folder / "metrics.prom", metrics_text(serving.status(), metrics)));
    };
    static constexpr std::size_t most_open = 64;
    auto next_status = std::chrono::steady_clock::now();
    for (request_id r = 0; r < how.requests && elapsed() < how.lasting;) {
        const auto now = serving.status();
        if (now.superseded) break;
        if (std::chrono::steady_clock::now() >= next_status) {
            write_status();
            next_status += std::chrono::milliseconds(500);
        }
        if (options.journal && options.journal->has_seen(r)) {
            requests.expect(r, options.journal->had_ended(r));
            ++r;
            continue;
        }
        if (now.waiting + now.in_flight >= most_open) {
            serving.wait_until_idle(deadline_in(seconds(0.01)));
            continue;
        }
        if (r >= how.rollout_after && version + 1 < versions.size()) {
            options.log("rolling out " + versions[++version].name);
            serving.plan_again();
        }
        requests.expect(r);
        const auto taken = serving.submit(r, requests.inputs(r), seconds(how.within));
        if (!taken && serving.status().superseded) break;
        DISPART_CHECK(taken);
        ++r;
    }
    while (!serving.wait_until_idle(deadline_in(seconds(0.5)))) write_status();
    if (serving.status().superseded)
        return fail(errc::cancelled, how.journal, "another process has taken over while this one hung",
                    "its outcomes count");
    const double took = elapsed();
    write_status();
    auto document = requests.to_json(took);
    document["began_unix_s"] = began_unix;
    document["service"] = status_to_json(serving.status());
    running.reset();  // nobody observes any more
    const std::vector<io::trace_process> timelines{{"predicted", &watch.predicted()},
                                                   {"measured", &watch.measured()}};
    const auto trace = std::filesystem::path(how.out) / "trace.json";
    DISPART_CHECK(io::write_text(trace, io::chrome_trace(timelines)));
    return document;
}

}  // namespace cli
