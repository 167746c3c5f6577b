// Where the boxes and lines of a dependency graph go. Pure: names and needs in, numbers out; nothing is drawn here.
//
// Layers by longest path, long lines through invisible points, fewest crossings by barycentres, heights by pooling
// adjacent violators (each layer's least-squares answer that keeps its order).

export const SIZE = { height: 42, across: 46, between: 14, through: 10 };

/**
 * Lay out `nodes`, a list of `{name, needs, width}`. Gives `{boxes, lines, apart, width, height}`: boxes by name with `x`,
 * `y` and `width`, which is that of the widest in the layer; lines `{from, to, implied, points}`; `apart` the names that have no dependency either way, in their order.
 */
export function layout(nodes) {
  const needs = known(nodes);
  const linked = new Set([...needs].flatMap(([name, from]) => (from.length ? [name, ...from] : [])));
  const names = nodes.map((node) => node.name).filter((name) => linked.has(name));
  const apart = nodes.map((node) => node.name).filter((name) => !linked.has(name));
  const rank = ranks(names, needs);
  const { layers, chains } = layered(names, needs, rank);
  const neighbours = adjacent(layers, chains);
  order(layers, neighbours);
  const y = heights(layers, neighbours, chains);
  const columns = spread(layers, new Map(nodes.map((node) => [node.name, node.width])));
  const boxes = new Map(names.map((name) => [name, { ...columns[rank.get(name)], y: y.get(name) }]));
  const lines = chains.map((chain) => line(chain, needs, columns, y));
  const [last] = columns.slice(-1);
  const bottom = Math.max(0, ...y.values()) + SIZE.height;
  return { boxes, lines, apart, width: last ? last.x + last.width : 0, height: bottom };
}

/** Give each node's needs that are nodes themselves, each once. */
function known(nodes) {
  const names = new Set(nodes.map((node) => node.name));
  return new Map(nodes.map(({ name, needs }) => [
    name, [...new Set(needs)].filter((need) => names.has(need) && need !== name),
  ]));
}

/** Give each node's layer: one behind the last that it needs. A cycle, which no recipe has, is cut where it is met. */
function ranks(names, needs) {
  const rank = new Map();
  const entered = new Set();
  const visit = (name) => {
    if (rank.has(name)) return rank.get(name);
    entered.add(name);
    const before = needs.get(name).filter((need) => !entered.has(need) || rank.has(need)).map(visit);
    rank.set(name, before.length ? Math.max(...before) + 1 : 0);
    return rank.get(name);
  };
  names.forEach(visit);
  return rank;
}

/** Give the layers, with a point for each layer that a line crosses, and each line's chain of points. */
function layered(names, needs, rank) {
  const layers = Array.from({ length: Math.max(-1, ...rank.values()) + 1 }, () => []);
  names.forEach((name) => layers[rank.get(name)].push(name));
  const chains = [];
  for (const name of names) {
    for (const need of needs.get(name).filter((other) => rank.get(other) < rank.get(name))) {
      const chain = [{ id: need, at: rank.get(need) }];
      for (let at = rank.get(need) + 1; at < rank.get(name); at += 1) {
        const id = `\u0000${need}\u0000${name}\u0000${at}`;
        layers[at].push(id);
        chain.push({ id, at, point: true });
      }
      chain.push({ id: name, at: rank.get(name) });
      chains.push(chain);
    }
  }
  return { layers, chains };
}

/** Give what each point is joined to, before it and behind it. */
function adjacent(layers, chains) {
  const found = new Map(layers.flat().map((id) => [id, { before: [], behind: [] }]));
  for (const chain of chains) {
    for (let place = 1; place < chain.length; place += 1) {
      found.get(chain[place].id).before.push(chain[place - 1].id);
      found.get(chain[place - 1].id).behind.push(chain[place].id);
    }
  }
  return found;
}

/** Put each layer into the order, of those met in a dozen sweeps, that has the fewest crossings. */
function order(layers, neighbours) {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers, neighbours);
  for (let sweep = 0; sweep < 12 && fewest > 0; sweep += 1) {
    const forward = sweep % 2 === 0;
    const turn = forward ? layers.map((_, at) => at) : layers.map((_, at) => layers.length - 1 - at);
    for (const at of turn.slice(1)) {
      const fixed = new Map(layers[forward ? at - 1 : at + 1].map((id, place) => [id, place]));
      sortByBarycentre(layers[at], (id) => neighbours.get(id)[forward ? "before" : "behind"], fixed);
    }
    const now = crossings(layers, neighbours);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, at) => { layers[at].splice(0, layer.length, ...layer); });
}

function sortByBarycentre(layer, joined, fixed) {
  const weight = new Map(layer.map((id, place) => {
    const places = joined(id).map((other) => fixed.get(other)).filter((other) => other !== undefined);
    return [id, places.length ? mean(places) : place];
  }));
  layer.sort((one, other) => weight.get(one) - weight.get(other));
}

function crossings(layers, neighbours) {
  let count = 0;
  for (let at = 1; at < layers.length; at += 1) {
    const place = new Map(layers[at - 1].map((id, index) => [id, index]));
    const ends = layers[at].flatMap((id) => neighbours.get(id).before.map((other) => place.get(other)).sort((a, b) => a - b));
    const owners = layers[at].flatMap((id, index) => neighbours.get(id).before.map(() => index));
    for (let one = 0; one < ends.length; one += 1) {
      for (let other = one + 1; other < ends.length; other += 1) {
        if (owners[one] < owners[other] && ends[one] > ends[other]) count += 1;
      }
    }
  }
  return count;
}

/** Give each point's top: near the middle of what it is joined to, without overlaps. */
function heights(layers, neighbours, chains) {
  const through = new Set(chains.flatMap((chain) => chain.filter((link) => link.point).map((link) => link.id)));
  const tall = (id) => (through.has(id) ? SIZE.through : SIZE.height);
  const middle = new Map();
  for (const layer of layers) stack(layer, layer.map(() => 0), tall, middle);
  for (let round = 0; round < 10; round += 1) {
    const turn = round % 2 === 0 ? layers : [...layers].reverse();
    for (const layer of turn) {
      const wanted = layer.map((id) => {
        const { before, behind } = neighbours.get(id);
        return mean([...before, ...behind].map((other) => middle.get(other)));
      });
      stack(layer, wanted, tall, middle);
    }
  }
  const tops = new Map([...middle].map(([id, value]) => [id, value - tall(id) / 2]));
  const first = Math.min(...tops.values());
  return new Map([...tops].map(([id, value]) => [id, value - first]));
}

/** Set the middles of a layer as near to `wanted` as order and heights allow. */
function stack(layer, wanted, tall, middle) {
  const offsets = [];
  let sum = 0;
  layer.forEach((id, place) => {
    if (place) sum += (tall(layer[place - 1]) + tall(id)) / 2 + SIZE.between;
    offsets.push(sum);
  });
  const pools = [];
  wanted.forEach((value, place) => {
    let pool = { total: value - offsets[place], count: 1 };
    while (pools.length && pools.at(-1).total / pools.at(-1).count > pool.total / pool.count) {
      const last = pools.pop();
      pool = { total: pool.total + last.total, count: pool.count + last.count };
    }
    pools.push(pool);
  });
  const levels = pools.flatMap((pool) => Array.from({ length: pool.count }, () => pool.total / pool.count));
  layer.forEach((id, place) => middle.set(id, levels[place] + offsets[place]));
}

/** Give each layer's left edge and width. */
function spread(layers, widths) {
  let x = 0;
  return layers.map((layer) => {
    const width = Math.max(...layer.map((id) => widths.get(id) ?? 0));
    const column = { x, width };
    x += width + SIZE.across;
    return column;
  });
}

function line(chain, needs, columns, y) {
  const [from, to] = [chain[0].id, chain.at(-1).id];
  const points = chain.slice(1, -1).flatMap(({ id, at }) => {
    const { x, width } = columns[at];
    const middle = y.get(id) + SIZE.through / 2;
    return [{ x, y: middle }, { x: x + width, y: middle }];
  });
  const [first, last] = [columns[chain[0].at], columns[chain.at(-1).at]];
  const start = { x: first.x + first.width, y: y.get(from) + SIZE.height / 2 };
  const end = { x: last.x, y: y.get(to) + SIZE.height / 2 };
  return { from, to, implied: implied(from, to, needs), points: [start, ...points, end] };
}

/** Whether a dependency follows from another one of the same node. */
function implied(from, to, needs) {
  const others = needs.get(to).filter((need) => need !== from);
  return others.some((other) => reaches(other, needs).has(from));
}

/** Give all that a node needs, directly or through others. */
export function reaches(name, needs) {
  const found = new Set();
  const waiting = [...(needs.get(name) ?? [])];
  while (waiting.length) {
    const next = waiting.pop();
    if (!found.has(next)) {
      found.add(next);
      waiting.push(...(needs.get(next) ?? []));
    }
  }
  return found;
}

function mean(numbers) {
  return numbers.reduce((sum, value) => sum + value, 0) / (numbers.length || 1);
}
