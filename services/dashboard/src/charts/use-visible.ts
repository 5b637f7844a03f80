import { useEffect, useState, type RefObject } from 'react';

const dwellMs = 150;

/**
 * Whether an element has been in sight, or nearly so, for a moment. Charts that nobody sees ask nothing and listen to
 * nothing; charts that only pass by while a person scrolls do not either.
 */
export function useVisible(element: RefObject<HTMLElement | null>): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (element.current === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        const inSight = entries.at(-1)?.isIntersecting ?? false;
        clearTimeout(timer);
        timer = setTimeout(() => setVisible(inSight), dwellMs);
      },
      { rootMargin: '160px' },
    );
    observer.observe(element.current);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, [element]);
  return visible;
}
