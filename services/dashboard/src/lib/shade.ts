import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  PrimitivePaneViewZOrder,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from 'lightweight-charts';

type Canvas = Parameters<IPrimitivePaneRenderer['draw']>[0];

/** Shades everything left of the session's open, behind the candles. */
export class PremarketShade implements ISeriesPrimitive<Time> {
  #attached: SeriesAttachedParameter<Time> | null = null;
  #open: UTCTimestamp | null = null;
  #colour = 'transparent';
  readonly #view: IPrimitivePaneView = {
    zOrder: (): PrimitivePaneViewZOrder => 'bottom',
    renderer: () => ({ draw: (canvas: Canvas) => this.#draw(canvas) }),
  };

  attached(parameters: SeriesAttachedParameter<Time>): void {
    this.#attached = parameters;
  }

  detached(): void {
    this.#attached = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return [this.#view];
  }

  setOpen(open: UTCTimestamp | null): void {
    this.#open = open;
    this.#attached?.requestUpdate();
  }

  setColour(colour: string): void {
    this.#colour = colour;
    this.#attached?.requestUpdate();
  }

  #draw(canvas: Canvas): void {
    const chart = this.#attached?.chart;
    if (!chart || this.#open === null) return;
    const scale = chart.timeScale();
    const visible = scale.getVisibleRange();
    if (!visible || Number(visible.from) >= this.#open) return;
    canvas.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio }) => {
      const at = this.#open === null ? null : scale.timeToCoordinate(this.#open);
      const beforeOpen = this.#open !== null && Number(visible.to) < this.#open;
      const width = beforeOpen || at === null ? bitmapSize.width : at * horizontalPixelRatio;
      context.fillStyle = this.#colour;
      context.fillRect(0, 0, width, bitmapSize.height);
    });
  }
}
