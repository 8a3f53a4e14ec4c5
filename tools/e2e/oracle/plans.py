"""Criteria, ranking, plans and sizes."""

from fractions import Fraction

from exact import MICROS, ceil_to, floor_to, nanos, rounded, tick

MINUTE = 60 * 10**9


def refused_by(f, strategy):
    """The first criterion that `f` fails in a trade round, or None."""
    scan = strategy["scan"]
    gap = Fraction(f["open"] - f["prev_close"], f["prev_close"]) * 100 if f["open"] and f["prev_close"] else None
    gap = None if gap is None else Fraction(rounded(gap * MICROS), MICROS)
    direction = None if f["or_open"] is None else (f["or_close"] > f["or_open"]) - (f["or_close"] < f["or_open"])
    if not strategy["plan"]["long_only"] and direction is not None:
        direction = abs(direction)

    def decimal(key):
        return None if scan[key] is None else Fraction(str(scan[key]))

    asked = [
        ("reference", f["prev_close"] is not None, True),
        ("price", f["open"] and Fraction(f["open"], 10**9), decimal("price_min") and (lambda v: v > decimal("price_min"))),
        ("average_volume", f["adv_14"], scan["adv_14_min"] is not None and (lambda v: v >= scan["adv_14_min"])),
        ("atr", f["atr_14"] and Fraction(f["atr_14"], 10**9), decimal("atr_14_min") and (lambda v: v > decimal("atr_14_min"))),
        ("gap", gap, decimal("gap_pct_min") and (lambda v: abs(v) >= decimal("gap_pct_min"))),
        (
            "premarket_volume",
            f["premarket_volume"],
            scan["premarket_volume_min"] is not None and (lambda v: v >= scan["premarket_volume_min"]),
        ),
        (
            "premarket_dollar_volume",
            Fraction(f["premarket_dollar_volume"], 10**9),
            decimal("premarket_dollar_volume_min") and (lambda v: v >= decimal("premarket_dollar_volume_min")),
        ),
        (
            "relative_volume",
            None if f["rvol"] is None else Fraction(f["rvol"], MICROS),
            decimal("rvol_min") and (lambda v: v >= decimal("rvol_min")),
        ),
        ("opening_range_direction", direction, lambda v: v == 1),
    ]
    for name, value, test in asked:
        if test is True:
            if not value:
                return name
        elif test and (value is None or not test(value)):
            return name
    return None


def score(f, strategy):
    """Weighted sum in 1e-6, each part rounded; without the headlines, which must not decide more than ties."""
    weights = {k: Fraction(str(v)) for k, v in strategy["scoring"]["weights"].items() if v is not None}
    assert weights["float_preferred"] == 0, "no float is known here"
    gap_atr = 0
    if f["atr_14"]:
        gap_atr = abs(rounded(Fraction(f["open"] - f["prev_close"], f["atr_14"]) * MICROS))
    return (
        rounded((f["rvol"] or 0) * weights["rvol"])
        + rounded(gap_atr * weights["gap_atr"])
    )


def make_plan(symbol, f, session, strategy):
    """An opening-range break to the long side; None when the stop would be too tight."""
    rules = strategy["plan"]
    part = lambda price, key: rounded(Fraction(price) * Fraction(str(rules[key])))
    high, step = f["or_high"], tick(f["or_high"])
    buffer = max(step, min(part(f["atr_14"], "buffer_atr_fraction"), part(high, "buffer_price_fraction")))
    wanted, floor = part(f["atr_14"], "stop_atr_fraction"), step * rules["stop_ticks_min"]
    if floor > 2 * wanted:
        return None
    distance = max(wanted, floor)
    assert rules["entry"] == "opening_range_break" and rules["trail"] is rules["time_stop"] is None
    trigger = ceil_to(high + buffer, tick(high + buffer))
    cap = min(part(distance, "limit_stop_fraction"), part(trigger, "limit_price_fraction"))
    limit = max(trigger, floor_to(trigger + cap, tick(trigger + cap)))
    valid = min(session.open + rules["entry_valid_minutes"] * MINUTE, session.close - 15 * MINUTE)
    return {
        "symbol": symbol,
        "trigger": trigger,
        "limit": limit,
        "stop_distance": distance,
        "stop": stop_for(trigger, distance),
        "target_distances": [rounded(Fraction(distance) * Fraction(str(t["r"]))) for t in rules["targets"]],
        "valid_until": valid,
        "or_volume": f["or_volume"],
        "adv_14": f["adv_14"],
    }


def stop_for(executed, distance):
    """The protective stop of a long: on a tick, never farther than `distance`."""
    return ceil_to(executed - distance, tick(executed - distance))


def target_for(executed, distance):
    return ceil_to(executed + distance, tick(executed + distance))


def rank_and_plan(found, session, strategy):
    """Plans of a round by rank: score first, then symbol; at most `top`."""
    passed = [(s, f) for s, f in found.items() if refused_by(f, strategy) is None]
    passed.sort(key=lambda item: (-score(item[1], strategy), item[0]))
    headlines = 100 * MICROS * Fraction(str(strategy["scoring"]["weights"]["catalyst"]))
    for (one, f), (other, g) in zip(passed, passed[1:]):
        apart = score(f, strategy) - score(g, strategy)
        assert apart > headlines, f"{one} and {other} are so close that their headlines rank them"
    plans = []
    for rank, (symbol, f) in enumerate(passed, start=1):
        plan = make_plan(symbol, f, session, strategy) if len(plans) < strategy["plan"]["top"] else None
        if plan:
            plans.append(plan | {"rank": rank, "score": score(f, strategy)})
    return plans


def size(plan, equity, buying_power, reserved, risk):
    """Shares and the cap that decided. Amounts in 1e-9 USD."""
    frac = lambda key: Fraction(str(risk[key]))
    price = max(plan["limit"], plan["trigger"])
    per_share = lambda amount, each: max(0, int(amount) // each)
    capital, slots = {
        "slot": (equity, risk["max_positions"]),
        "deployed_capital": (int(equity * frac("gross_cap")), risk["max_positions"]),
        "equity": (equity, 1),
    }[risk["risk_basis"]]
    at_risk = int(int(capital * frac("risk_pct_total") / 100) / Fraction(slots))
    liquidity = min(int(plan["or_volume"] * frac("or_volume_fraction")), int(plan["adv_14"] * frac("adv_fraction")))
    terms = [
        ("risk", per_share(at_risk, plan["stop_distance"])),
        ("notional", per_share(int(equity * frac("max_position_pct") / 100), price)),
        ("gross", per_share(int(equity * frac("gross_cap")) - reserved, price)),
        ("buying_power", per_share(int(buying_power * frac("buying_power_fraction")) - reserved, price)),
        ("liquidity", liquidity),
        ("fat_finger", min(risk["order_quantity_max"], per_share(nanos(str(risk["order_notional_max"])), price))),
        ("broker_position", per_share(int(equity * frac("broker_position_pct") / 100), price)),
    ]
    cap, quantity = min(terms, key=lambda t: t[1])
    return quantity, cap


def decide(plans, equity, buying_power, strategy):
    """Approves in rank order while slots and means last."""
    risk = strategy["risk"]
    decisions, reserved, open_plans = [], 0, 0
    for plan in plans:
        quantity, cap = size(plan, equity, buying_power, reserved, risk)
        reason = None
        if open_plans >= risk["max_positions"]:
            reason = "limit_reached"
        elif quantity == 0:
            reason = "no_quantity"
        elif quantity * plan["stop_distance"] < nanos(str(risk["risk_min"])):
            reason = "risk_too_small"
        if reason is None:
            reserved += quantity * max(plan["limit"], plan["trigger"])
            open_plans += 1
        decisions.append({"plan": plan, "quantity": quantity if reason is None else None, "cap": cap, "reason": reason})
    return decisions
