#pragma once
// What worker and coordinator do together, over any transport.
#include "dispart/plan/spread/turns.hpp"
#include "runtime/toy.hpp"

namespace dispart::test {

template <class Transport>
result<coordinator<Transport>> deployed(toy_cluster<Transport>& on, shelf& models, const model& m,
                                        const partition& cut, coordinator_options options = impatient()) {
    auto plan = make_deployment(m, cut, on.hosts, models.encoder());
    REQUIRE(plan);
    return coordinator<Transport>::deploy(on.carrier, *plan, std::move(options));
}

/// A deployment that works: the workers are free.
template <class Transport>
void still_serves(toy_cluster<Transport>& on, shelf& models, std::size_t workers) {
    const model m = chain(workers);
    auto running = deployed(on, models, m, in_stages(std::vector<std::size_t>(workers, 1)));
    INFO((running ? std::string() : to_string(running.error())));
    REQUIRE(running);
    CHECK(run_and_check(*running, m, 3));
    CHECK(running->shut_down());
}

template <class Transport>
void chains_and_reports() {
    shelf models;
    toy_cluster<Transport> on(models, 3);
    const model m = chain(6);
    auto running = deployed(on, models, m, in_stages({2, 3, 1}));
    REQUIRE(running);
    for (const std::size_t window : {0U, 1U, 5U}) {
        const auto report = run_and_check(*running, m, 40, {.window = window});
        REQUIRE(report);
        CHECK(report->finished.size() == 40);
        CHECK(report->stages.size() == 3);
        for (const auto& each : report->stages) CHECK(each.requests == 40);
        CHECK(report->events.devices == std::vector<std::string>{"w0", "w1", "w2"});
        std::size_t computing = 0, moving = 0;
        for (const event& each : report->events.events) {
            CHECK(each.end >= each.begin);
            CHECK(each.begin.value >= -0.001);
            CHECK(each.end.value <= report->finished.back() + 0.01);
            computing += each.what == activity::compute ? 1 : 0;
            moving += each.what == activity::transfer ? 1 : 0;
        }
        CHECK(computing == 3 * 40);
        CHECK(moving == 4 * 40);
    }
    CHECK(running->shut_down());
    CHECK(running
              ->run(
                  1, [&](request_id r) { return inputs_of(m, r); }, [](request_id, auto) {})
              .error()
              .code == errc::invalid_argument);
}

template <class Transport>
void stages_overlap() {
    shelf models;
    toy_cluster<Transport> on(models, {slow(10ms), slow(10ms), slow(10ms)});
    const model m = chain(3);
    auto running = deployed(on, models, m, in_stages({1, 1, 1}));
    REQUIRE(running);
    const auto single = run_and_check(*running, m, 8, {.window = 1});
    const auto piped = run_and_check(*running, m, 30);
    REQUIRE((single && piped));
    CHECK(single->latency.value > 0.030);
    CHECK(single->period.value > 0.030);
    CHECK(piped->period.value > 0.0099);
    CHECK(piped->period.value < 0.6 * single->period.value);
    CHECK(piped->stages[1].compute.value > 0.0099);
    CHECK(running->shut_down());
}

template <class Transport>
void tensors_skip_stages() {
    shelf models;
    toy_cluster<Transport> on(models, 4);
    const model m = with_skips();
    auto running = deployed(on, models, m, in_stages({1, 2, 2, 1}));
    REQUIRE(running);
    CHECK(run_and_check(*running, m, 60));
    CHECK(running->shut_down());
    // the same over two devices that hold two stages each
    partition shared = in_stages({1, 2, 2, 1});
    shared.parts[2].device = 0;
    shared.parts[3].device = 1;
    auto again = deployed(on, models, m, shared);
    REQUIRE(again);
    const auto report = run_and_check(*again, m, 60);
    REQUIRE(report);
    // stages of one device do not compute at the same time
    std::vector<event> on_first;
    for (const event& each : report->events.events)
        if (each.what == activity::compute && each.device == 0) on_first.push_back(each);
    CHECK(on_first.size() == 120);
    for (std::size_t i = 1; i < on_first.size(); ++i)
        CHECK(on_first[i].begin.value >= on_first[i - 1].end.value - 1e-9);
    CHECK(again->shut_down());
}

/// Turn 0 on the first device, turn 1 over the other two, turn 2 on the first again.
template <class Transport>
void replicas_take_turns() {
    shelf models;
    toy_cluster<Transport> on(models, {slow(5ms), slow(5ms), slow(5ms)});
    const model m = with_skips();
    const std::size_t layers = num_vertices(m);
    std::vector<std::size_t> part_of(layers, 0);
    for (layer_id v = 0; v < layers; ++v) part_of.push_back(v < layers / 2 ? 1 : 2);
    part_of.resize(3 * layers, 3);
    const auto spread = spread_turns(copies_of(m, 3), 3, part_of, {0, 1, 2, 0});
    auto running = deployed(on, models, spread.graph, parts_of(spread).value());
    REQUIRE(running);
    const auto alone = run_and_check(*running, m, 9, {.window = 1});
    REQUIRE(alone);
    CHECK(alone->latency.value > 0.030);
    const auto report = run_and_check(*running, m, 30);
    REQUIRE(report);
    CHECK(report->period.value < 0.8 * alone->latency.value);
    const std::vector<std::size_t> turn{0, 1, 1, 2};
    REQUIRE(report->stages.size() == turn.size());
    for (const auto& each : report->stages) CHECK(each.requests == 10);
    std::size_t computing = 0, moving = 0;
    for (const event& each : report->events.events) {
        if (each.what == activity::compute) CHECK(each.request % 3 == turn[each.part]);
        computing += each.what == activity::compute ? 1 : 0;
        moving += each.what == activity::transfer ? 1 : 0;
    }
    CHECK(computing == 4 * 10);
    CHECK(moving == 10 * (2 + 5 + 2));  // turn 1: two messages from the source, one between, two results
    CHECK(running->shut_down());
}

template <class Transport>
void odd_models() {
    shelf models;
    toy_cluster<Transport> on(models, 2);
    SUBCASE("an output that is an input, an output twice, a stage that reads nothing") {
        model_builder b("odd");
        const auto x = b.input("x", {4});
        const auto k = b.add("Constant", {}, {.attrs = {{"value", tensor::of<float>({4}, {1, 2, 3, 4})}}});
        const auto y = b.add("Add", {x, k});
        for (const auto t : {x, y, y, k}) b.output(t);
        auto made = std::move(b).build();
        REQUIRE(made);
        auto running = deployed(on, models, *made, in_stages({1, 1}));
        REQUIRE(running);
        std::size_t seen = 0;
        const auto report = running->run(
            5, [&](request_id r) { return inputs_of(*made, r); },
            [&](request_id r, const std::vector<tensor>& outputs) {
                ++seen;
                REQUIRE(outputs.size() == 4);
                const float first = inputs_of(*made, r)[0].data<float>()[0];
                CHECK(outputs[0].data<float>()[0] == first);
                CHECK(outputs[1].data<float>()[0] == first + 1);
                CHECK(outputs[2].data<float>()[3] == outputs[1].data<float>()[3]);
                CHECK(outputs[3].data<float>()[3] == 4);
            });
        CHECK(report);
        CHECK(seen == 5);
        CHECK(running->shut_down());
    }
    SUBCASE("large tensors") {
        const model m = chain(2, {1'000'000});
        auto running = deployed(on, models, m, in_stages({1, 1}));
        REQUIRE(running);
        CHECK(run_and_check(*running, m, 6));
        CHECK(running->shut_down());
    }
    SUBCASE("no requests") {
        const model m = chain(2);
        auto running = deployed(on, models, m, in_stages({1, 1}));
        REQUIRE(running);
        const auto report = run_and_check(*running, m, 0);
        REQUIRE(report);
        CHECK(report->events.events.empty());
        CHECK(running->shut_down());
    }
}

template <class Transport>
void deployments_follow_one_another() {
    shelf models;
    toy_cluster<Transport> on(models, 2);
    for (int i = 0; i < 3; ++i) still_serves(on, models, 2);
    // one at a time: a second coordinator waits for its turn, and gets none before its deadline
    const model m = chain(2);
    auto first = deployed(on, models, m, in_stages({1, 1}));
    REQUIRE(first);
    auto options = impatient();
    options.connect_within = seconds(0.3);
    const auto second = deployed(on, models, m, in_stages({1, 1}), options);
    REQUIRE(!second);
    CHECK(second.error().code == errc::refused);
    CHECK(run_and_check(*first, m, 3));
    first = fail(errc::cancelled, {}, {});  // dropped without a word
    still_serves(on, models, 2);
}

template <class Transport>
void errors_are_named() {
    shelf models;
    const layer_hook third_time_fails =
        [calls = std::make_shared<std::atomic<int>>(0)](const layer& l) -> result<void> {
        if (l.op == "Abs" && ++*calls == 3) return fail(errc::shape_mismatch, l.name, "broken on purpose");
        if (l.op == "Neg") throw std::runtime_error("thrown on purpose");
        return {};
    };
    toy_cluster<Transport> on(models, {{}, third_time_fails, {}});
    model_builder b("failing");
    tensor_id t = b.input("x", {4});
    const auto of_layers = [&](std::vector<std::string> ops) {
        for (const auto& op : ops) t = op == "Add" ? b.add(op, {t, t}) : b.add(op, {t});
        b.output(t);
        return built(b);
    };
    const auto run = [&](const model& m) -> result<run_report> {
        auto running = deployed(on, models, m, in_stages({1, 1, 1}));
        if (!running) return tl::unexpected(running.error());
        return running->run(
            10, [&](request_id r) { return inputs_of(m, r); }, [](request_id, auto) {});
    };
    SUBCASE("a layer fails") {
        const auto outcome = run(of_layers({"Add", "Abs", "Add"}));
        REQUIRE(!outcome);
        CHECK(outcome.error().code == errc::shape_mismatch);
        CHECK(outcome.error().offender == "w1");
        CHECK(outcome.error().message.find("broken on purpose") != std::string::npos);
    }
    SUBCASE("a layer throws") {
        const auto outcome = run(of_layers({"Add", "Neg", "Add"}));
        REQUIRE(!outcome);
        CHECK(outcome.error().code == errc::callback_failed);
        CHECK(outcome.error().offender == "w1");
        CHECK(outcome.error().message.find("thrown on purpose") != std::string::npos);
    }
    SUBCASE("a backend cannot load a stage") {
        const auto outcome = run(of_layers({"Add", "Relu", "Add"}));
        REQUIRE(!outcome);
        CHECK(outcome.error().code == errc::unsupported);
        CHECK(outcome.error().offender == "w1");
        CHECK(outcome.error().message.find("Relu") != std::string::npos);
    }
    SUBCASE("a stage cannot be decoded") {
        const model m = chain(3);
        auto plan = make_deployment(m, in_stages({1, 1, 1}), on.hosts, models.encoder());
        REQUIRE(plan);
        plan->stages[2].model.resize(5);
        const auto outcome = coordinator<Transport>::deploy(on.carrier, *plan, impatient());
        REQUIRE(!outcome);
        CHECK(outcome.error().code == errc::parse_error);
        CHECK(outcome.error().offender == "w2");
    }
    SUBCASE("an unknown codec") {
        const model m = chain(3);
        auto plan = make_deployment(m, in_stages({1, 1, 1}), on.hosts, models.encoder(), {.codec = "magic"});
        REQUIRE(plan);
        CHECK(coordinator<Transport>::deploy(on.carrier, *plan, impatient()).error().code == errc::unsupported);
    }
    SUBCASE("inputs and results that throw or do not fit") {
        const model m = chain(3);
        const auto attempt = [&](auto inputs, auto results) {
            auto running = deployed(on, models, m, in_stages({1, 1, 1}));
            REQUIRE(running);
            const auto outcome = running->run(5, inputs, results);
            REQUIRE(!outcome);
            return outcome.error();
        };
        const auto good = [&](request_id r) { return inputs_of(m, r); };
        const auto ignore = [](request_id, const std::vector<tensor>&) {};
        CHECK(attempt([](request_id) -> std::vector<tensor> { throw std::runtime_error("no"); }, ignore).code ==
              errc::callback_failed);
        CHECK(attempt(good, [](request_id, const std::vector<tensor>&) { throw 5; }).code ==
              errc::callback_failed);
        CHECK(attempt([](request_id) { return std::vector<tensor>(); }, ignore).code == errc::invalid_argument);
        CHECK(attempt([](request_id) -> result<std::vector<tensor>> { return fail(errc::io_error, "f", "g"); },
                      ignore) == error{errc::io_error, "f", "g", {}});
        const error shape =
            attempt([](request_id) { return std::vector<tensor>{tensor(dtype::f32, {3})}; }, ignore);
        CHECK(shape.code == errc::shape_mismatch);
        CHECK(shape.offender == "w0");
        const error absent = attempt([](request_id) { return std::vector<tensor>(1); }, ignore);
        CHECK(absent.code == errc::invalid_argument);
    }
    still_serves(on, models, 3);
}

template <class Connection>
bool still_there(Connection& caller) {
    const auto got = caller.receive(within(20ms));
    return got || got.error().code == errc::timeout;
}

template <class Transport>
void silent_and_wrong_peers() {
    shelf models;
    toy_cluster<Transport> on(models, 2);
    auto listener = on.carrier.listen("");
    REQUIRE(listener);
    on.hosts.push_back({"odd", listener->address()});
    const model m = chain(3);
    auto options = impatient();
    options.connect_within = seconds(0.5);
    options.patience = seconds(0.5);
    options.heartbeat = seconds(0.1);
    const auto attempt = [&](double at_most) {
        result<coordinator<Transport>> outcome = fail(errc::cancelled, {}, {});
        const double spent = seconds_of([&] {
            outcome = deployed(on, models, m, in_stages({1, 1, 1}), options);
        });
        CHECK(spent < at_most);
        REQUIRE(!outcome);
        CHECK(outcome.error().offender == "odd");
        return outcome.error().code;
    };
    const auto impostor = [&](auto behave) {
        return std::jthread([&, behave](std::stop_token stop) {
            while (!stop.stop_requested()) {
                auto caller = listener->accept(within(20ms));
                if (!caller) continue;
                if (!receive_message<hello_message>(*caller, within(2s))) continue;
                behave(*caller);
                while (!stop.stop_requested() && still_there(*caller)) {
                }
            }
        });
    };
    SUBCASE("never answers") {
        const auto mute = impostor([](auto&) {});
        CHECK(attempt(3.0) == errc::timeout);
    }
    SUBCASE("answers, and then falls silent") {
        const auto frozen = impostor([](auto& caller) {
            CHECK(send_message(caller, welcome_message{1, "odd", {"codec:raw"}}, within(1s)));
            std::this_thread::sleep_for(1s);
        });
        CHECK(attempt(2.0) == errc::timeout);
    }
    SUBCASE("another version") {
        const auto future = impostor([](auto& caller) {
            CHECK(send_message(caller, welcome_message{9, "odd", {}}, within(1s)));
        });
        CHECK(attempt(2.0) == errc::protocol_error);
    }
    SUBCASE("nonsense") {
        const auto confused =
            impostor([](auto& caller) { CHECK(send_message(caller, pong_message{}, within(1s))); });
        CHECK(attempt(2.0) == errc::protocol_error);
    }
    SUBCASE("nobody is there") {
        listener->close();
        CHECK(attempt(3.0) == errc::peer_lost);
    }
    SUBCASE("accepts and closes") {
        const auto shut = impostor([](auto& caller) { caller.close(); });
        CHECK(attempt(3.0) == errc::peer_lost);
    }
    on.hosts.pop_back();
    still_serves(on, models, 2);
}

template <class Transport>
void workers_refuse_what_is_not_in_order() {
    shelf models;
    toy_cluster<Transport> on(models, 2);
    const auto call = [&](const hello_message& hello) {
        auto caller = on.carrier.connect(on.hosts[0].address, within(1s));
        REQUIRE(caller);
        const auto welcome = introduce(*caller, hello, within(2s));
        return welcome ? errc::cancelled : welcome.error().code;
    };
    CHECK(call({.oldest = 7, .newest = 9}) == errc::protocol_error);
    CHECK(call({.role = connection_role::data, .deployment = 1, .index = 0}) == errc::refused);
    CHECK(call({.role = connection_role::probe}) == errc::cancelled);
    const auto command = [&](auto... messages) {
        auto caller = on.carrier.connect(on.hosts[0].address, within(1s));
        REQUIRE(caller);
        REQUIRE(introduce(*caller, {}, within(2s)));
        (static_cast<void>(send_message(*caller, messages, within(1s))), ...);
        for (;;) {
            const auto got = caller->receive(within(3s));
            REQUIRE(got);
            if (got->kind == static_cast<std::uint16_t>(message_kind::want)) continue;
            const auto said = message_in<failure_message>(*got);
            REQUIRE(said);
            return said->code;
        }
    };
    const deploy_message good{.model_bytes = 10,
                              .shards = {{10, {}}},
                              .incoming = {{0, "c", {0}, 1, 100}},
                              .patience = 1'000'000'000};
    CHECK(command(pong_message{}) == errc::protocol_error);
    CHECK(command(hello_message{}) == errc::protocol_error);
    CHECK(command(good, good) == errc::protocol_error);
    CHECK(command(deploy_message{}) == errc::protocol_error);
    auto bad = good;
    bad.model_bytes = ~std::uint64_t{0};
    CHECK(command(bad) == errc::limit_exceeded);
    bad = good;
    bad.shards = {{~std::uint64_t{0} - 9, {}},
                  {20, {}}};  // their sum would be right, were there no limit to it
    CHECK(command(bad) == errc::protocol_error);
    bad.shards = {{10, {}}, {0, {}}};
    CHECK(command(bad) == errc::protocol_error);
    bad = good;
    bad.incoming[0].depth = 4'000'000'000;
    CHECK(command(bad) == errc::protocol_error);
    bad = good;
    bad.incoming.push_back(bad.incoming[0]);
    CHECK(command(bad) == errc::protocol_error);
    bad = good;
    bad.incoming[0].inputs.assign(100'000, 0);  // more positions than any stage has
    CHECK(command(bad) == errc::protocol_error);
    bad = good;
    bad.outgoing = {{1, "d", "nowhere", {0}, "magic", 1}};
    CHECK(command(bad) == errc::unsupported);
    // a coordinator that falls silent loses its worker
    std::optional<typename Transport::connection> quiet;
    for (int i = 0; i < 100 && !quiet; ++i) {  // the worker may still be busy ending the one before
        auto caller = on.carrier.connect(on.hosts[0].address, within(1s));
        REQUIRE(caller);
        if (introduce(*caller, {.deployment = 5}, within(2s))) quiet.emplace(std::move(*caller));
        else std::this_thread::sleep_for(20ms);
    }
    REQUIRE(quiet);
    auto hasty = good;
    hasty.patience = 300'000'000;
    REQUIRE(send_message(*quiet, hasty, within(1s)));
    CHECK(receive_message<want_message>(*quiet, within(3s)));
    CHECK(receive_message<failure_message>(*quiet, within(3s))->code == errc::timeout);
    still_serves(on, models, 2);
}

/// A deployment of one stage by hand: x, 2x on edge 0, nothing sent on.
template <class Transport>
class hand_made_stage {
  public:
    hand_made_stage(toy_cluster<Transport>& on, shelf& models) : on_(on) {
        for (int i = 0; i < 100 && !control_; ++i) {  // the worker may still be busy ending the one before
            auto caller = on.carrier.connect(on.hosts[0].address, within(1s));
            REQUIRE(caller);
            if (introduce(*caller, {.deployment = 9, .epoch = 4, .to = "w0"}, within(2s)))
                control_.emplace(std::move(*caller));
            else std::this_thread::sleep_for(20ms);
        }
        REQUIRE(control_);
        const auto stage = models.encoder()(chain(1, {4}));
        const deploy_message order{.model_bytes = stage->size(),
                                   .shards = shards_of(*stage),
                                   .incoming = {{0, "gateway", {0}, 2, 1000}},
                                   .connect_within = 1'000'000'000,
                                   .request_within = 1'000'000'000,
                                   .patience = 2'000'000'000};
        REQUIRE(send_message(*control_, order, within(1s)));
        const auto want = receive_message<want_message>(*control_, within(2s));
        REQUIRE(want);
        std::span<const std::byte> rest = *stage;
        for (std::uint32_t i = 0; i < order.shards.size(); rest = rest.subspan(order.shards[i++].length)) {
            if (std::count(want->shards.begin(), want->shards.end(), i) == 0) continue;
            const std::array<std::span<const std::byte>, 1> part{rest.first(order.shards[i].length)};
            REQUIRE(control_->send(static_cast<std::uint16_t>(message_kind::model_part), part, within(1s)));
        }
        REQUIRE(receive_message<ready_message>(*control_, within(2s)));
        REQUIRE(send_message(*control_, start_message{}, within(1s)));
        REQUIRE(receive_message<started_message>(*control_, within(2s)));
    }

    /// The edge's connection, or why there is none.
    result<typename Transport::connection> edge(std::uint32_t number = 0, std::uint64_t epoch = 4) {
        DISPART_TRY(auto caller, on_.carrier.connect(on_.hosts[0].address, within(1s)));
        const hello_message hello{
            .role = connection_role::data, .deployment = 9, .epoch = epoch, .index = number, .to = "w0"};
        DISPART_CHECK(introduce(caller, hello, within(1s)));
        return caller;
    }

    /// What the worker complains of.
    error complaint() {
        const auto failure = receive_message<failure_message>(*control_, within(2s));
        REQUIRE(failure);
        return failure->to_error();
    }

  private:
    toy_cluster<Transport>& on_;
    std::optional<typename Transport::connection> control_{};
};

template <class Transport>
void broken_streams_are_named() {
    shelf models;
    toy_cluster<Transport> on(models, 1);
    const auto tensors = [](std::uint64_t request, std::uint32_t edge, std::size_t count, shape dims) {
        tensor_message_writer writer;
        const std::vector<tensor> made(count, tensor(dtype::f32, std::move(dims)));
        const auto buffers = writer.write(request, edge, made, any_codec(raw_codec{}));
        std::vector<std::byte> all;
        for (const auto& each : *buffers) all.insert(all.end(), each.begin(), each.end());
        return all;
    };
    const auto kind = static_cast<std::uint16_t>(message_kind::tensors);
    const auto complaint = [&](std::vector<std::vector<std::byte>> payloads, std::uint16_t as) {
        hand_made_stage<Transport> stage(on, models);
        auto edge = stage.edge();
        REQUIRE(edge);
        for (const auto& each : payloads) {
            const std::array<std::span<const std::byte>, 1> buffers{each};
            static_cast<void>(edge->send(as, buffers, within(1s)));
        }
        return stage.complaint();
    };
    const auto expect = [&](std::vector<std::vector<std::byte>> payloads, const char* words,
                            std::uint16_t as = static_cast<std::uint16_t>(message_kind::tensors)) {
        const error why = complaint(std::move(payloads), as);
        INFO(to_string(why));
        CHECK(why.code == errc::protocol_error);
        CHECK(why.offender == "gateway");
        CHECK(why.message.find(words) != std::string::npos);
    };
    const auto good = tensors(0, 0, 1, {4});
    expect({good, good}, "request 0 came, where 1 was due");  // replayed
    expect({tensors(5, 0, 1, {4})}, "request 5 came");
    expect({tensors(0, 3, 1, {4})}, "tensors of another edge");
    expect({tensors(0, 0, 2, {4})}, "too many tensors");
    expect({tensors(0, 0, 0, {4})}, "tensors of another edge");
    expect({tensors(0, 0, 1, {400})}, "a frame of");  // larger than the plan says
    expect({{}}, "no TENSORS", static_cast<std::uint16_t>(message_kind::ping));
    expect({{}}, "no TENSORS", 4711);
    for (std::size_t size = 0; size < good.size(); size += 7)
        expect({{good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}}, "");
    auto huge = good;
    for (std::size_t at = 0; at + 8 <= huge.size(); ++at) {  // the extent
        std::int64_t extent = 0;
        std::memcpy(&extent, huge.data() + at, 8);
        if (extent != 4) continue;
        extent = std::int64_t{1} << 61;
        std::memcpy(huge.data() + at, &extent, 8);
        break;
    }
    expect({huge}, "element count overflows");
    CHECK(complaint({tensors(0, 0, 1, {5})}, kind).code == errc::shape_mismatch);
    hand_made_stage<Transport> stage(on, models);
    CHECK(stage.edge(1).error().code == errc::refused);     // no such edge
    CHECK(stage.edge(0, 3).error().code == errc::refused);  // a stale plan's
    CHECK(stage.edge());
    CHECK(stage.edge().error().code == errc::refused);  // the edge is taken
}

template <class Transport>
void links_are_probed() {
    shelf models;
    toy_cluster<Transport> on(models, 1);
    const auto measured = probe_link(on.carrier, on.hosts[0].address, {.round_trips = 20, .messages = 8});
    REQUIRE(measured);
    CHECK((measured->latency.value > 0 && measured->latency.value < 0.05));
    CHECK(measured->bandwidth.value > 1e7);
    const auto share = probe_processor(on.carrier, on.hosts[0].address);
    REQUIRE(share);
    CHECK((share->of_core > 0.0 && share->of_core <= 1.0));
    const auto asked_again = clock_now();
    for (int i = 0; i < 8; ++i)
        CHECK(probe_processor(on.carrier, on.hosts[0].address)->of_core == share->of_core);
    CHECK(clock_now() - asked_again < 2s);  // measuring takes half a second
    still_serves(on, models, 1);
}

template <class Transport>
void runs_deployments() {
    SUBCASE("chains, and reports on them") { chains_and_reports<Transport>(); }
    SUBCASE("stages overlap") { stages_overlap<Transport>(); }
    SUBCASE("tensors skip stages") { tensors_skip_stages<Transport>(); }
    SUBCASE("replicas take turns") { replicas_take_turns<Transport>(); }
    SUBCASE("odd models") { odd_models<Transport>(); }
    SUBCASE("deployments follow one another") { deployments_follow_one_another<Transport>(); }
    SUBCASE("errors are named") { errors_are_named<Transport>(); }
    SUBCASE("silent and wrong peers") { silent_and_wrong_peers<Transport>(); }
    SUBCASE("workers refuse what is not in order") { workers_refuse_what_is_not_in_order<Transport>(); }
    SUBCASE("broken streams are named") { broken_streams_are_named<Transport>(); }
    SUBCASE("links are probed") { links_are_probed<Transport>(); }
}

}  // namespace dispart::test
